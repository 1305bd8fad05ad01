"""``channels.middleware``, the very module: see :mod:`channels_bridge.surface`."""

from __future__ import annotations

from channels.middleware import *  # noqa: F403

from channels_bridge.surface import alias

alias(__name__)
