"""Channels' ``channels.layers``, and the layers of this package: see :mod:`.surface`."""

from channels.layers import *  # noqa: F403

from channels_bridge.groups.layer import GrpcChannelLayer, LocalChannelLayer
from channels_bridge.surface import extend

__all__ = ["GrpcChannelLayer", "LocalChannelLayer"]

extend(__name__)
