"""The channel layer for processes that a hub joins."""

from __future__ import annotations

from typing import Any

from django.utils.module_loading import import_string

from channels_bridge.groups import SHORTCUT
from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.discovery.hub_address import Address
from channels_bridge.groups.discovery.hub_history import HubHistory
from channels_bridge.groups.layer_config import GrpcConfig
from channels_bridge.groups.linked import isolation
from channels_bridge.groups.linked.linked_layer import LinkedChannelLayer
from channels_bridge.groups.threadsafe_transport import Shortcut
from channels_bridge.groups.transport_interface import GroupTransport


class GrpcChannelLayer(LinkedChannelLayer):
    """A layer for the processes of one machine, joined by a hub.

    ``websockets_server`` starts the hub beside its workers.

    See GrpcConfig for the options.

    Spec deviation: outside of a server's workers, a process that finds no hub is one of its own,
    as one that runs tests is: nobody else can be a member.
    """

    transport_name = "grpc"
    config_class = GrpcConfig
    config: GrpcConfig
    place_key = "address"

    @property
    def hub_address(self) -> str:
        """Where the hub listens."""
        return isolation.relocated(self.config.address)

    @property
    def hub_credentials(self) -> Credentials:
        """How the hub and this process know each other."""
        # For TCP only.
        return NONE if isolation.is_relocated() else self.config.credentials

    @property
    def hub_history(self) -> HubHistory | None:
        """What the hub is to keep; None where that is nothing."""
        if not self.config.history:
            return None
        return HubHistory(self.config.history_file, self.config.history_bytes)

    @property
    def place(self) -> str:
        return self.hub_address

    @property
    def hosts(self) -> list[str]:
        host = Address.parse(self.hub_address).host
        return [host] if host else []  # a unix socket has none

    def _make_link(self, transport: Any, *, in_worker: bool) -> GroupTransport:
        history = {"history": self.hub_history} if self.follows else {}
        link: GroupTransport = transport(
            self.hub_address,
            self.hub_credentials,
            timeout=self.config.timeout,
            prefix=self.config.prefix,
            require_hub=in_worker or self.config.require_hub,
            **history,
        )
        return link

    @property
    def _has_shortcut(self) -> bool:
        return Address.parse(self.hub_address).path is not None

    def _make_shortcut(self) -> Shortcut | None:
        if not self._has_shortcut:
            return None
        make = import_string(SHORTCUT)
        shortcut: Shortcut = make(
            Address.parse(self.hub_address),
            timeout=self.config.timeout,
            prefix=self.config.prefix,
        )
        return shortcut
