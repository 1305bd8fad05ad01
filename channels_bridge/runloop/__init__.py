"""The run loop of Channels consumers on the engine.

- ``consumer_loop``: one consumer from its first event to its last: set-up, dispatch, errors.
- ``fed_inbox``: what a consumer reads whose groups have history.
- ``sync_dispatch``, ``sync_send``: synchronous consumers: hops to their thread, and sends from it.
- ``user_lookup``: the users of sessions, for Channels' ``AuthMiddleware``.
- ``sync_threads``: several such threads (``WEBSOCKET_SYNC_THREADS``).
- ``context_variables``: variables that handlers bind, for the middlewares around a consumer.
- ``db_housekeeping``: closing stale database connections.
- ``handler_proof``: which group handlers send the same to every member, whatever their consumer is:
  ``handler_grammar`` (statements), ``handler_expressions`` and ``pure_functions`` read them as
  ``function_source`` finds them, ``upstream_consumers`` looks at what ``send`` is; ``witnesses``
  notice what has changed since; ``refusals`` say why not.
- ``proven_handlers``: those run once for all members; ``group_handlers`` says which methods of a
  consumer are meant to be handlers.
- ``registry``: this process's open connections, so that they can be found and closed.

It may import ``groups``, ``groups.history``, ``resume``, ``server`` and ``server.websocket``.
"""
