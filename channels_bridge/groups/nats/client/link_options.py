"""The options of a link: what CONNECT says, TLS, and how long things may take."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from channels_bridge import __version__
from channels_bridge.groups.nats.client.authentication import Authentication
from channels_bridge.groups.nats.client.server_info import ServerInfo


@dataclass(frozen=True, kw_only=True)
class LinkOptions:
    """The same for all nodes.

    Attributes:
        name: who this is, in a node's monitoring.
        authentication: what to show it.
        make_tls: makes a TLS context for each link; None: it trusts the system's authorities.
        uses_tls: whether nothing is said without TLS.
        tls_first: whether TLS begins before INFO.
        connect_timeout: seconds that the greeting may take.
        ping_interval: seconds between two beats; a node that is silent for three of them is left.
    """

    name: str
    authentication: Authentication
    make_tls: Callable[[], ssl.SSLContext] | None
    uses_tls: bool
    tls_first: bool
    connect_timeout: float
    ping_interval: float

    def make_context(self) -> ssl.SSLContext:
        """Make a TLS context.

        Raises:
            NatsUnavailable: by whoever made ``make_tls``; a file can't be used.
        """
        return self.make_tls() if self.make_tls is not None else ssl.create_default_context()

    def describe(self, info: ServerInfo) -> dict[str, object]:
        """What CONNECT says to a node.

        Raises:
            NatsUnavailable: the credentials can't be used.
        """
        return {
            "verbose": False,
            "pedantic": False,
            "echo": False,
            "headers": True,
            "no_responders": True,
            "protocol": 1,  # INFO comes again when it changes
            "tls_required": self.uses_tls,
            "name": self.name,
            "lang": "channels-bridge",
            "version": __version__,
            **self.authentication.answer(info.nonce),
        }
