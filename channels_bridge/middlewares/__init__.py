"""Middlewares of native WebSocket connections, named in ``WEBSOCKET_MIDDLEWARE``.

Each is a class without arguments; one instance serves all connections of a process::

    class TimingMiddleware:
        async def __call__(self, websocket, call_next):
            started = time.monotonic()
            await call_next(websocket)
            log.info("%s: %.0f s", websocket.scope["path"], time.monotonic() - started)
"""
