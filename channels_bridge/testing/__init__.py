"""Tools for a project's tests: Channels' communicators, and a live server of ours.

::

    from channels_bridge.testing import ChannelsLiveServerTestCase, WebsocketCommunicator

The fixture ``channels_live_server`` is in :mod:`.pytest_plugin`.
"""

import sys
from importlib.util import find_spec

from . import live
from .live import ChannelsLiveServerTestCase
from .process import ServerProcess

if find_spec("daphne") is None:
    # The package `channels.testing` imports its `live`, and that Daphne: let it find ours.
    sys.modules.setdefault("channels.testing.live", live)

from .application import ApplicationCommunicator
from .http import HttpCommunicator
from .websocket import WebsocketCommunicator

__all__ = [
    "ApplicationCommunicator",
    "ChannelsLiveServerTestCase",
    "HttpCommunicator",
    "ServerProcess",
    "WebsocketCommunicator",
]
