"""Linked layers: those whose groups reach the other processes of a project.

- ``linked_layer`` is what they have in common: where a process finds others, and that tests find
  none.
- ``grpc_layer`` is the one for processes that a hub joins, ``nats_layer`` the one for processes
  that NATS joins.
- ``isolation`` keeps tests apart from both.

It imports ``groups``, and no transport: that is loaded when a layer is first used.
"""
