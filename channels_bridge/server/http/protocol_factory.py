"""The choice of a protocol for HTTP: uvicorn's where it is installed, else the answer 426."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from channels_bridge.server.config import ServerConfig
from channels_bridge.server.http.upgrade_required import UpgradeRequired
from channels_bridge.server.optional_packages import missing
from channels_bridge.server.websocket.context import Context

ProtocolFactory = Callable[[], asyncio.Protocol]


def serves_http(config: ServerConfig) -> bool:
    """Whether pages are wanted, and the packages of the extra ``http`` are installed."""
    return config.http and not missing("http")


def make_http_protocol(context: Context) -> ProtocolFactory:
    """A factory of protocols for connections whose first request is not a WebSocket handshake."""
    if not serves_http(context.config):
        return partial(UpgradeRequired, context)
    from channels_bridge.server.http import protocol  # needs the extra

    return protocol.make_factory(context)
