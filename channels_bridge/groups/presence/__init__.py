"""Presence: who is connected to a group, by keys that the project chooses.

Each process knows the connections that it has, and tells the first and the last one of a key.
Whoever joins the processes, the hub or the only process, adds them up.

- ``roll``: the words of all of it: who is here, and how that changes.
- ``presence_description``: who a connection is, in the project's words.
- ``presence_table``: the connections of one process, ``roll_replica`` what it knows of all.
- ``attendance``: who is present in all processes, with the ``topic_roll`` of each topic.
- ``presence_transport``: what is asked of a transport.

No I/O here, no clock that is not given, and nothing of Django or gRPC.
"""
