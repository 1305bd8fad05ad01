"""The state of a connection to NATS, for those who look after it."""

from __future__ import annotations

from collections.abc import Mapping

from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.nats_traffic import Traffic
from channels_bridge.groups.nats.client.reconnection import Reconnection
from channels_bridge.groups.nats.client.server_info import ServerInfo


class ConnectionState:
    """The state of a connection.

    Args:
        traffic: what uses its links.
        reconnection: what makes them.
    """

    def __init__(self, traffic: Traffic, reconnection: Reconnection) -> None:
        self._traffic = traffic
        self._reconnection = reconnection

    @property
    def connected(self) -> bool:
        """Whether there is a link to a node."""
        return self._traffic.is_linked.is_set()

    @property
    def info(self) -> ServerInfo:
        """What the node says of itself; of the last one, while there is no link."""
        return self._traffic.info

    @property
    def reconnects(self) -> int:
        """How many links there were after the first."""
        return max(self._traffic.links - 1, 0)

    @property
    def returned_at(self) -> float:
        """When a node was there again after there was none, in ``time.monotonic()``."""
        return self._reconnection.returned_at

    @property
    def denied(self) -> Mapping[str, str]:
        """By what the node keeps from this user, such as ``publish to a.b``, what to do."""
        return self._traffic.denied

    @property
    def trouble(self) -> str | None:
        """Why there is no link now, and what to do; None while there is one."""
        trouble = self._reconnection.trouble
        return str(trouble) if trouble is not None else None

    @property
    def refusal(self) -> str | None:
        """The same, if no waiting heals it: credentials, certificates."""
        refusal = self._reconnection.refusal
        return str(refusal) if refusal is not None else None

    @property
    def round_trip(self) -> float | None:
        """Seconds that the last PING took; None while there is no link, or no answer yet."""
        link = self._traffic.link  # once: another thread may ask while it ends
        return link.round_trip if link is not None else None

    @property
    def heard_at(self) -> float | None:
        """When a node was heard of last, in ``time.monotonic()``; None before the first link.

        Within ``on_connected`` it is of the link before: what was sent since then may be lost.
        """
        heard_by = self._traffic.heard_by
        return heard_by.heard_at if heard_by is not None else None

    @property
    def dropped(self) -> int:
        """How many messages there was no room for."""
        return self._traffic.queue.dropped

    @property
    def waiting_bytes(self) -> int:
        """The bytes that wait to be written, without those in the socket."""
        return self._traffic.queue.size

    @property
    def is_full(self) -> bool:
        """Whether publishers should wait: 16 MiB wait, or the socket takes no more now."""
        return self._traffic.queue.is_full

    def _explain(self, timeout: float) -> NatsUnavailable:
        """Why something has not come about in time."""
        trouble = self._reconnection.refusal or self._reconnection.trouble
        return trouble or NatsUnavailable(f"no answer from NATS within {timeout:g} seconds")
