"""Channel layers for one test, in place of those of the settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import channel_layers

from channels_bridge import conf
from channels_bridge.groups.layer import LocalChannelLayer
from channels_bridge.groups.layer_config import LocalConfig

#: What a layer of any package may say in CONFIG that says the same here: all but where to keep it.
_KNOWN = {option.name for option in fields(LocalConfig)} - {"history_file"}


@contextlib.contextmanager
def fresh_layers() -> Iterator[LocalChannelLayer]:
    """Put a new layer in place of each one of the settings, within the block.

    They keep what CONFIG says of capacities, expiry, history and presence.

    Yields:
        The default layer, which there is even where settings have none.
    """
    configs = {**conf.transport_backends(), **conf.channel_layers()}
    fresh = {
        alias: _make(configs.get(alias, {})) for alias in {DEFAULT_CHANNEL_LAYER: None, **configs}
    }
    before = {alias: channel_layers.set(alias, layer) for alias, layer in fresh.items()}
    try:
        yield fresh[DEFAULT_CHANNEL_LAYER]
    finally:
        for alias, layer in fresh.items():
            _put_back(alias, layer, before[alias])


def _make(config: Mapping[str, Any]) -> LocalChannelLayer:
    options: Mapping[str, Any] = config.get("CONFIG") or {}
    return LocalChannelLayer(**{key: value for key, value in options.items() if key in _KNOWN})


def _put_back(alias: str, fresh: LocalChannelLayer, before: Any) -> None:
    """Put a layer back, unless the test has put another one there, or overridden settings."""
    if channel_layers.backends.get(alias) is not fresh:
        return
    if before is None:
        del channel_layers.backends[alias]
    else:
        channel_layers.set(alias, before)
