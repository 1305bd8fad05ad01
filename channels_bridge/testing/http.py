"""An alias of the module ``channels.testing.http``: see ``channels_bridge.surface``."""

from __future__ import annotations

from channels.testing.http import *  # noqa: F403

from channels_bridge.surface import alias

alias(__name__)
