"""The answer 426 to HTTP requests, where only WebSocket is served."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import cast

from channels_bridge.server.access_log import client_name
from channels_bridge.server.http.refusal import Refusal
from channels_bridge.server.optional_packages import how_to_install, missing
from channels_bridge.server.websocket.asgi_scope import peer_address
from channels_bridge.server.websocket.context import Context
from channels_bridge.server.websocket.request_checks import has_key, note_lost_upgrade, path_of


class UpgradeRequired(asyncio.Protocol):
    """Answers every request with 426 and says where HTTP is to be had (RFC 9110, 15.5.22)."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        """Refuse, whatever comes; a handshake that a proxy has made a page of is logged as such."""
        head = data.partition(b"\r\n\r\n")[0]
        if has_key(head):
            target = head.partition(b" ")[2].partition(b" ")[0]
            client = client_name(peer_address(self.transport))
            note_lost_upgrade(self.context, path_of(target), client)
        Refusal(self.context, self.transport, HTTPStatus.UPGRADE_REQUIRED, self._text())

    def _text(self) -> str:
        if not self.context.config.http:
            return "This port serves WebSocket only: the server runs with --no-http."
        return (
            "This port serves WebSocket only. HTTP needs packages that are not installed: "
            f"{how_to_install(missing('http'))}"
        )
