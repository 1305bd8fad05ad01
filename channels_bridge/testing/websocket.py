"""An alias of the module ``channels.testing.websocket``: see ``channels_bridge.surface``."""

from __future__ import annotations

from channels.testing.websocket import *  # noqa: F403

from channels_bridge.surface import alias

alias(__name__)
