"""History: what was said in a group, numbered once for all, for as long as its bounds allow.

A log is kept where a group's messages get their numbers: in the hub, or in the only process there
is. Each process with members keeps a replica of it, and each member is a cursor in that replica.
Resuming, being too slow and having been cut off are one case: the cursor is behind.

- ``position``: the words of all of it: positions, entries, bounds, excerpts of a log.
- ``member_listener``: what a group's member is told besides its messages.

No I/O here, no clock that is not given, and nothing of Django or gRPC.
"""
