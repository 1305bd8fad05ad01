"""An alias of the module ``channels.worker``: see ``channels_bridge.surface``."""

from __future__ import annotations

from channels.worker import *  # noqa: F403

from channels_bridge.surface import alias

alias(__name__)
