"""An alias of the module ``channels.generic.http``: see ``channels_bridge.surface``."""

from __future__ import annotations

from channels.generic.http import *  # noqa: F403

from channels_bridge.surface import alias

alias(__name__)
