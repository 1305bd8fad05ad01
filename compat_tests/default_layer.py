"""The default channel layer, for as long as a test has another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from channels.layers import BaseChannelLayer, channel_layers

DEFAULT = "default"


@contextmanager
def default_layer() -> Iterator[Callable[[BaseChannelLayer], object]]:
    """Yield what sets the default layer; the one from before is put back."""
    before = channel_layers.backends.get(DEFAULT)
    try:
        yield lambda layer: channel_layers.set(DEFAULT, layer)
    finally:
        channel_layers.backends.pop(DEFAULT, None)
        if before is not None:
            channel_layers.set(DEFAULT, before)
