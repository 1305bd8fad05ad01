"""Channel layers under the names of the native surface.

A project written natively configures ``WEBSOCKET_TRANSPORT_BACKENDS``, in the shape of
``CHANNEL_LAYERS``. Both lead to the same objects.
"""

from __future__ import annotations

from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import BaseChannelLayer, ChannelLayerManager, channel_layers
from channels.layers import get_channel_layer as get_configured_layer
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from channels_bridge import conf
from channels_bridge.groups.layer import BridgeChannelLayer
from channels_bridge.groups.linked.grpc_layer import GrpcChannelLayer as GrpcTransportLayer
from channels_bridge.groups.linked.nats_layer import NatsChannelLayer as NatsTransportLayer

__all__ = ["GrpcTransportLayer", "NatsTransportLayer", "get_channel_layer"]


class _TransportBackends(ChannelLayerManager):
    """Makes layers from ``WEBSOCKET_TRANSPORT_BACKENDS`` as Channels does from its own setting."""

    @property
    def configs(self) -> dict[str, dict[str, Any]]:
        return conf.transport_backends()


_backends = _TransportBackends()


def get_channel_layer(alias: str = DEFAULT_CHANNEL_LAYER) -> BaseChannelLayer | None:
    """Return the layer of an alias, the same object that ``channels.layers`` returns.

    Where ``CHANNEL_LAYERS`` doesn't have the alias, the layer comes from
    ``WEBSOCKET_TRANSPORT_BACKENDS``, and Channels knows it from then on. None if neither has it.
    """
    layer = get_configured_layer(alias)
    if layer is None and alias in _backends:
        layer = _backends.make_backend(alias)
        channel_layers.set(alias, layer)
    return layer


def require_own_layer(who: str, alias: str = DEFAULT_CHANNEL_LAYER) -> BridgeChannelLayer:
    """Return the layer of an alias, which has to be one of this package.

    Args:
        who: needs it, as the error names it.

    Raises:
        ImproperlyConfigured: it isn't, or there is none.
    """
    layer = get_channel_layer(alias)
    if not isinstance(layer, BridgeChannelLayer):
        raise ImproperlyConfigured(
            f"{who} needs a channel layer of channels_bridge: set the BACKEND of "
            f'CHANNEL_LAYERS["{alias}"] to "channels_bridge.layers.GrpcChannelLayer" or, across '
            'machines, "channels_bridge.layers.NatsChannelLayer"'
        )
    return layer


def _forget_layers(*, setting: str, **kwargs: Any) -> None:
    if setting == "WEBSOCKET_TRANSPORT_BACKENDS":
        for alias in list(channel_layers.backends):
            if alias not in channel_layers:
                del channel_layers.backends[alias]


setting_changed.connect(_forget_layers)
