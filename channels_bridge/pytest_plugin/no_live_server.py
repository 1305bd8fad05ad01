"""The live server's fixture without pytest-django, whose databases it needs: it says so."""

from __future__ import annotations

import pytest


@pytest.fixture
def channels_live_server() -> None:
    """The project, served in a separate process; it needs pytest-django."""
    pytest.fail(
        "channels_live_server needs pytest-django, which isn't installed or is turned off: "
        "pip install pytest-django, or use channels_bridge.testing.ChannelsLiveServerTestCase",
        pytrace=False,
    )
