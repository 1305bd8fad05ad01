"""Building blocks without a subject of their own, for the server, the hub and the commands.

- ``rate_limited_log``: rate-limited log lines.
- ``child_program``, ``interpreter``: child processes as Python programs, without fork.
- ``forks``: signals and descriptors that must not leak into what an application forks.
- ``orphans``: what process 1 of a container has to reap.
- ``exit_signals``, ``exit_deadline``: the end of a process: late signals, threads that don't end.
- ``event_deadline``, ``process_title``: waiting for an event; what ``ps`` shows of a process.
- ``blocking_calls``: calls that wait, refused on an event loop.
- ``tcp_connect``, ``socket_handover``: a connection to a host with several addresses, within a
  deadline; a socket that becomes the event loop's.
- ``heap_trim``, ``open_files``: memory that a start has freed goes back to the system; the limit of
  descriptors is raised.
- ``unix_sockets``, ``address_hints``: private sockets that stay, and hints for malformed addresses.
- ``handler_hints``: hints for consumers' handlers. ``trace_context``: what a tracer has to have.

It imports nothing of this package, and no Django, no Channels and no gRPC.
"""
