"""An alias of the module ``channels.security.websocket``: see ``channels_bridge.surface``."""

from __future__ import annotations

from channels.security.websocket import *  # noqa: F403

from channels_bridge.surface import alias

alias(__name__)
