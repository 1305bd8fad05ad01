"""The run loop of Channels consumers on the engine.

- ``consumer_loop``: one consumer from its first event to its last: set-up, dispatch, errors.
- ``fed_inbox``: what a consumer reads whose groups have history.
- ``sync_dispatch``, ``sync_send``: synchronous consumers: hops to their thread, and sends from it.
- ``sync_threads``: several such threads (``WEBSOCKET_SYNC_THREADS``).
- ``context_variables``: variables that handlers bind, for the middlewares around a consumer.
- ``db_housekeeping``: closing stale database connections.
- ``registry``: this process's open connections, so that they can be found and closed.

It may import ``groups``, ``groups.history``, ``resume``, ``server`` and ``server.websocket``.
"""
