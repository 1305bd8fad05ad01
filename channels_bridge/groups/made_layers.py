"""The layers that this process has made so far, and their groups as reports have them."""

from __future__ import annotations

from collections.abc import Iterator

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import channel_layers

from channels_bridge.groups.layer import BridgeChannelLayer


def made_layers() -> Iterator[tuple[str, BridgeChannelLayer]]:
    """Yield the layers of this package that are in use, with their aliases."""
    for alias, layer in channel_layers.backends.items():
        if isinstance(layer, BridgeChannelLayer):
            yield alias, layer


def group_label(alias: str, group: str) -> str:
    """Return what a group is called in reports: two layers may have groups of one name."""
    return group if alias == DEFAULT_CHANNEL_LAYER else f"{alias}/{group}"


def groups_of(channel: str) -> list[str]:
    """Return the groups that a consumer of this process is in, in order. For the home loop."""
    return sorted(
        group_label(alias, group)
        for alias, layer in made_layers()
        for group in layer.groups_of(channel)
    )
