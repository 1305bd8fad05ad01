"""Discovery: the address, the files and the presence of a hub, as seen by processes that need one.

- ``hub_address`` parses addresses; ``runtime_directory`` is the private directory of a project,
  where the default one is.
- ``hub_holder`` tells whose hub it is: what the lock of a running one says.
- ``hub_absence`` tells whether there certainly is no hub, ``other_hubs`` which ones of other
  projects and users there are, ``process_liveness`` whether a process that was known still exists.

It imports ``common`` and ``conf``, and no gRPC: all of it is for any transport with a hub.
"""
