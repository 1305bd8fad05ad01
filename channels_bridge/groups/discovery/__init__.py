"""Discovery: where the processes of a project meet, as seen by those who look for others.

- ``hub_address`` parses addresses; ``runtime_directory`` is the private directory of a project,
  where the default one is.
- ``nats_address`` parses addresses of NATS servers, and knows how a project's subjects begin.
- ``hub_holder`` tells whose hub it is: what the lock of a running one says.
- ``hub_absence`` tells whether there certainly is no hub, ``other_hubs`` which ones of other
  projects and users there are, ``process_liveness`` whether a process that was known still exists.

It imports ``common`` and ``conf``, and neither gRPC nor anything of NATS.
"""
