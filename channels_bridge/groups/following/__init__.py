"""Following: a node whose groups are kept, and whose members miss nothing.

It takes the place of a plain node where CONFIG has ``history`` or ``presence``; otherwise nothing
of this room is even imported.

- ``following_node``: the node (``threadsafe_following_node`` outside of a server's workers). It
  follows the logs of its members' groups, and appends to them instead of publishing.
- ``followed_groups``: the replicas of those logs, and for how long they are kept here.
- ``following_membership``: gives what is new to the members that are live.
- ``member_feed``: what the others, who are behind, are fed, in turn (``feeding_turns``).
- ``local_history``: the transport that keeps it all within one process;
  ``threadsafe_history_transport`` calls another one from any thread.
- ``node_presence``: who the members are (``who_is_it``), and what they are told of all who are
  there (``roll_members``). ``local_presence`` and ``threadsafe_presence_transport`` are the
  transports above that know it.
"""
