"""What a hub is told to keep, by the layers of a project that share its address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers
from django.test import override_settings

from channels_bridge.groups.discovery.hub_history import DEFAULT, HubHistory
from channels_bridge.project import hubs
from channels_bridge.server.errors import StartupError

ADDRESS = "unix:/run/app/groups.sock"
HISTORY = {"chat.*": {}}


def layers(*configs: dict[str, Any]) -> override_settings:
    """Settings with a layer for each CONFIG."""
    backend = "channels_bridge.layers.GrpcChannelLayer"
    return override_settings(
        CHANNEL_LAYERS={
            f"layer {number}": {"BACKEND": backend, "CONFIG": {"address": ADDRESS, **config}}
            for number, config in enumerate(configs)
        }
    )


@pytest.mark.parametrize(
    ("configs", "expected"),
    [
        ([{}], DEFAULT),
        ([{"history": HISTORY}], HubHistory("", 64 * 2**20)),
        ([{"history": HISTORY, "history_file": None}], HubHistory(None)),
        ([{"history": HISTORY, "history_file": Path("/srv/kept")}], HubHistory("/srv/kept")),
        (
            [
                {"history": HISTORY, "history_bytes": 2**21, "prefix": "a"},
                {"history": HISTORY, "history_bytes": 2**22, "prefix": "b"},
                {"history_bytes": 2**23, "history_file": "/srv/of a layer without history"},
                {"history": HISTORY, "history_file": None, "address": "unix:/run/app/other.sock"},
            ],
            HubHistory("", 2**22),
        ),
    ],
    ids=["without", "default", "memory only", "path", "largest"],
)
def test_layers_of_a_hub(configs: list[dict[str, Any]], expected: HubHistory) -> None:
    """The largest size counts, and the one file; of layers that keep history."""
    with layers(*configs):
        assert hubs.history_at(ADDRESS) == expected
        (place, *_) = hubs.places()
        assert place.history == expected


def test_another_address() -> None:
    """A hub that listens under a name of its own keeps what the layer asks for that it is for."""
    with layers(
        {"history": HISTORY, "history_file": None, "prefix": "a"},
        {"history": HISTORY, "history_file": None, "history_bytes": 2**27, "prefix": "b"},
        {"history": HISTORY, "history_file": "/srv/kept", "address": "unix:/run/app/other.sock"},
    ):
        here = channel_layers["layer 0"]
        assert hubs.history_at("0.0.0.0:6000", of=here) == HubHistory(None, 2**27)
        assert hubs.history_at("unix:/run/app/other.sock", of=here) == HubHistory("/srv/kept")
        assert hubs.history_at("0.0.0.0:6000") == DEFAULT


def test_two_files() -> None:
    """One hub has one file: who asks for two is told so when the server starts."""
    with (
        layers(
            {"history": HISTORY, "history_file": "/srv/a", "prefix": "a"},
            {"history": HISTORY, "history_file": "/srv/b", "prefix": "b"},
        ),
        pytest.raises(StartupError, match="give them the same `history_file`, not '/srv/a' and"),
    ):
        hubs.history_at(ADDRESS)


def test_path() -> None:
    """By default the file is beside the hub's socket."""
    socket = Path("/run/app/groups.sock")
    assert DEFAULT.path_beside(socket) == Path("/run/app/groups.sock.history")
    assert HubHistory("/srv/kept").path_beside(socket) == Path("/srv/kept")
    assert HubHistory(None).path_beside(socket) is None
