"""The layer's fixture."""

import pytest
from channels.layers import InMemoryChannelLayer, get_channel_layer


def test_empty(channels_layer):
    """The layer is nobody else's: it has no members, and the project's capacity."""
    assert channels_layer is get_channel_layer()
    assert channels_layer is not get_channel_layer("orders")
    assert channels_layer.group_sizes() == {}
    assert channels_layer.capacity == 7


@pytest.fixture
def settled():
    """Looks at what is there once the other fixture has ended."""
    yield
    assert type(get_channel_layer()) is InMemoryChannelLayer


def test_layer_is_put_back(settled, channels_layer):
    """The layer of the settings is there again after the test."""
    assert get_channel_layer().capacity == 7
