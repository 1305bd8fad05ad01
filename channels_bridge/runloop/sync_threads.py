"""Threads for synchronous consumers: ``WEBSOCKET_SYNC_THREADS``.

asgiref runs all thread-sensitive code of a process in one thread: one consumer that sleeps holds up
all others (asgiref#218, channels#2132). It also has a way out, which Django takes for each request:
code that runs within a ``ThreadSensitiveContext`` has a thread of its own. Here each connection is
put into one of a fixed number of such contexts, where it stays. So one connection's code never runs
in two threads, and its database connection is that of its thread.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

from channels_bridge.server.asgi_types import Application, Receive, Send


class SyncThreads:
    """Spreads connections over threads: each is given the one with the fewest.

    Args:
        application: what serves them.
        count: how many threads.
    """

    def __init__(self, application: Application, count: int) -> None:
        self.application = application
        self._connections = {ThreadSensitiveContext(): 0 for _ in range(count)}

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.application(scope, receive, send)
            return
        thread = min(self._connections, key=self._connections.__getitem__)
        self._connections[thread] += 1
        # sync_to_async() takes the thread of the context that it is called in, if there is one.
        token = SyncToAsync.thread_sensitive_context.set(thread)
        try:
            await self.application(scope, receive, send)
        finally:
            SyncToAsync.thread_sensitive_context.reset(token)
            self._connections[thread] -= 1
