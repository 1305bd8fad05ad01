"""The channel layer for processes that NATS joins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from channels_bridge.groups.linked import isolation
from channels_bridge.groups.linked.linked_layer import LinkedChannelLayer
from channels_bridge.groups.nats_config import NatsConfig
from channels_bridge.groups.transport_interface import GroupTransport


class NatsChannelLayer(LinkedChannelLayer):
    """A layer for the processes of many machines, joined by a NATS server or a cluster of them.

    Each process connects to NATS itself; no hub is started. What a node loses is asked for again at
    its sender, and what is lost for good is counted and logged.

    See NatsConfig for the options.

    Spec deviation: a sender's messages keep their order within each group and channel, not among
    them, while messages of one are asked for again.
    """

    transport_name = "nats"
    config_class = NatsConfig
    config: NatsConfig
    place_key = "servers"

    @property
    def place(self) -> str:
        return f"{', '.join(self.config.servers)} ({self.prefix})"

    @property
    def hosts(self) -> list[str]:
        return [address.host for address in self.config.addresses]

    @property
    def prefix(self) -> str:
        """How all subjects begin."""
        return isolation.relocated_prefix(self.config.prefix)

    def _make_link(self, transport: Any, *, in_worker: bool) -> GroupTransport:
        config = replace(self.config, prefix=self.prefix)
        link: GroupTransport = transport(config, get_capacity=self.get_capacity)
        return link
