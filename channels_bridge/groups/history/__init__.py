"""History: what was said in a group, numbered once for all, for as long as its bounds allow.

A log is kept where a group's messages get their numbers: in the hub, or in the only process there
is. Each process with members keeps a replica of it, and each member is a cursor in that replica.
Resuming, being too slow and having been cut off are one case: the cursor is behind.

- ``position``: the words of all of it: positions, entries, bounds, excerpts of a log.
- ``epochs``: names for whoever gives numbers.
- ``member_listener``: what a group's member is told besides its messages; ``plain_listener`` is one
  that is told nothing.
- ``log``: the log of one group. ``shelf``: many, and how much of them is kept.
- ``chronicle``: where messages get their numbers, and what it notes in a journal:
  ``journal_records``, ``journal_restoring``, and ``sender_marks`` against repeats.
- ``replica``: a copy of a log in a process. ``cursor``: where a member is in it.
- ``kept_messages``: what of a log whoever asks is given.
- ``member``: a connection with its cursors. ``feed``: what it takes while it is behind.

No I/O here, no clock that is not given, and nothing of Django or gRPC.
"""
