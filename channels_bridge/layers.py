"""Channel layers: this package's, and all names of ``channels.layers``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core import checks

from channels_bridge.groups.layer import LocalChannelLayer
from channels_bridge.groups.linked.grpc_layer import GrpcChannelLayer
from channels_bridge.groups.linked.nats_layer import NatsChannelLayer
from channels_bridge.project.advice.installed import check_installed, warn_runserver
from channels_bridge.surface import extend

if TYPE_CHECKING:
    from channels.layers import *  # noqa: F403

__all__ = ["GrpcChannelLayer", "LocalChannelLayer", "NatsChannelLayer"]

checks.register(check_installed)
warn_runserver()
extend(__name__)
