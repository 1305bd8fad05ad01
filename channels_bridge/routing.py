"""An alias of the module ``channels.routing``: see ``channels_bridge.surface``."""

from __future__ import annotations

from channels.routing import *  # noqa: F403

from channels_bridge.surface import alias

alias(__name__)
