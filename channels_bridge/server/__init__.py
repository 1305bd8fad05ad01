"""The engine: sockets on one side, an ASGI application on the other.

It knows no Django, no consumer and no group, so that it serves any ASGI application and is
tested without Django. One supervisor process accepts connections and passes each to the worker
process that has the fewest (:mod:`.supervisor`); a worker speaks WebSocket and HTTP on it
(:mod:`.worker`, :mod:`.dispatch`, :mod:`.connection`, :mod:`.http`).
"""

from __future__ import annotations

from channels_bridge.server.worker_identity import current_worker

__all__ = ["current_worker"]
