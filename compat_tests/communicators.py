"""Time for Channels' communicators: a conftest imports the fixture, for the tests beside it."""

from __future__ import annotations

import pytest

DEADLINE = 30  # seconds


@pytest.fixture(autouse=True)
def patient_communicators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have them wait longer than 1 s by default, which is little on a busy machine."""
    from channels.testing import ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator

    for method in (
        ApplicationCommunicator.receive_output,
        ApplicationCommunicator.wait,
        HttpCommunicator.get_response,
        WebsocketCommunicator.connect,
        WebsocketCommunicator.disconnect,
        WebsocketCommunicator.receive_from,
        WebsocketCommunicator.receive_json_from,
    ):
        *others, _timeout = method.__defaults__
        monkeypatch.setattr(method, "__defaults__", (*others, DEADLINE))
