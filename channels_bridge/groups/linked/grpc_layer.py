"""The channel layer for processes that a hub joins."""

from __future__ import annotations

from typing import Any

from channels.layers import channel_layers
from django.utils.module_loading import import_string

from channels_bridge.groups import TRANSPORTS, isolation
from channels_bridge.groups.credentials import NONE, Credentials
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.layer_config import GrpcConfig
from channels_bridge.groups.threadsafe_transport import CrossingTransport
from channels_bridge.groups.transport_interface import GroupTransport


class GrpcChannelLayer(BridgeChannelLayer):
    """A layer for the processes of one machine or a few, joined by a hub.

    ``websockets_server`` starts the hub beside its workers.

    See GrpcConfig for the options.

    Spec deviation: outside of a server's workers, a process that finds no hub is one of its own:
    nobody else can be a member. So is one that runs tests, whether there is a hub or not; see
    ``isolation``.
    """

    transport_name = "grpc"
    config_class = GrpcConfig
    config: GrpcConfig

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._was_configured = not options.get("address")

    @property
    def hub_address(self) -> str:
        """Where the hub listens."""
        return isolation.relocated(self.config.address)

    @property
    def hub_credentials(self) -> Credentials:
        """How the hub and this process know each other."""
        # For TCP only.
        return NONE if isolation.is_relocated() else self.config.credentials

    def _confirms(self) -> bool:
        return self.config.confirm or super()._confirms()

    def _place(self) -> str | None:
        if isolation.is_isolated() and self._comes_from_settings():
            return None
        return self.hub_address

    def _comes_from_settings(self) -> bool:
        """Whether nobody has made this layer by hand, with an address."""
        # Once it was, it stays so: settings that are overridden forget their layers.
        if not self._was_configured:
            self._was_configured = any(layer is self for layer in channel_layers.backends.values())
        return self._was_configured

    def _make_transport(self) -> GroupTransport:
        return self._make_grpc_transport(self.hub_address, require_hub=True)

    def _make_transport_to(self, place: str | None) -> GroupTransport:
        if place is None:
            return super()._make_transport_to(place)
        transport = self._make_grpc_transport(place, require_hub=self.config.require_hub)
        return CrossingTransport(transport, expiry=self.config.expiry)

    def _make_grpc_transport(self, address: str, *, require_hub: bool) -> GroupTransport:
        factory = import_string(TRANSPORTS[self.transport_name])
        transport: GroupTransport = factory(
            address,
            self.hub_credentials,
            timeout=self.config.timeout,
            prefix=self.config.prefix,
            require_hub=require_hub,
        )
        return transport
