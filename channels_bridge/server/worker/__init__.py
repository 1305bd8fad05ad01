"""Worker processes: an application, its connections, and the order in which both end.

- ``worker_process``: a worker, and how it takes connections from the supervisor.
- ``inprocess``: the same engine in one process, for ``runserver`` and for tests.
- ``serving``: the application's start and end around its connections: graceful shutdown.
- ``lifespan``: the ASGI lifespan protocol.
- ``drain``: connections closed little by little, before the shutdown.
- ``status_report``: a worker's figures, for metrics and ``websockets_status``;
  ``connection_list``: its connections one by one.
- ``gc_freeze``: short garbage collections with many connections (``gc.freeze``).
- ``wear``: limits after which a worker asks to be replaced: worker recycling.
- ``loop_lag``: the event loop's lag.

The room stands on ``server.child``, ``server.http`` and ``server.websocket``.
"""
