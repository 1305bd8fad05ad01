"""Tools for a project's tests: Channels' communicators, and a live server of ours.

::

    from channels_bridge.testing import ChannelsLiveServerTestCase, WebsocketCommunicator

The fixtures are in ``channels_bridge.pytest_plugin``.

In a process that runs tests the channel layers of the settings use no hub: groups work within that
process, and no test reaches a server that runs beside it. ``using_hub()`` is for tests that need
to.
"""

from __future__ import annotations

from channels_bridge.groups.linked.isolation import using_hub
from channels_bridge.project import live_test_hook
from channels_bridge.testing.live import ChannelsLiveServerTestCase
from channels_bridge.testing.process import ServerProcess

if live_test_hook.are_needed():
    live_test_hook.install()

from channels_bridge.testing.application import ApplicationCommunicator
from channels_bridge.testing.http import HttpCommunicator
from channels_bridge.testing.websocket import WebsocketCommunicator

__all__ = [
    "ApplicationCommunicator",
    "ChannelsLiveServerTestCase",
    "HttpCommunicator",
    "ServerProcess",
    "WebsocketCommunicator",
    "using_hub",
]
