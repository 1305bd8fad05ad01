"""Counters of one process: messages, handshakes, refusals and closes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """What has happened since the process began to serve.

    Counted on the event loop of the server; reading them from elsewhere does no harm.

    Attributes:
        open: WebSockets that are open now. The others only grow.
        received: messages from clients.
        sent: messages to clients, taken from applications.
        pages: requests for pages.
        handshakes: finished handshakes, by the status answered; 101 is a WebSocket, 499 a client
            that left before the application had decided.
        refused: connections that ended before there was a handshake or a page, by the status
            answered.
        closed: WebSockets that were open, by the close code that their application was told.
        cut_off: WebSockets that the server ended for what their client did or did not do, by
            reason. ``closed`` counts them, too.
    """

    open: int = 0
    received: int = 0
    sent: int = 0
    pages: int = 0
    handshakes: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    closed: Counter[int] = field(default_factory=Counter)
    cut_off: Counter[str] = field(default_factory=Counter)
