"""Messages that other threads send."""

from __future__ import annotations

import asyncio

import pytest

from channels_bridge.server.calls_from_threads import Crossing
from channels_bridge.server.websocket.sender import LENGTH, MESSAGES, Outbox


async def test_an_outbox_is_bounded():
    """It takes 16 messages, none of more than 4 KiB, and more once these are written."""
    written = []
    outbox = Outbox(lambda payload, more: written.append(payload), Crossing())
    assert not outbox.put("x" * (LENGTH + 1))
    assert [outbox.put(str(number)) for number in range(MESSAGES + 1)] == [True] * MESSAGES + [
        False
    ]
    outbox.flush()
    assert written == [str(number) for number in range(MESSAGES)]
    assert outbox.put(b"more")
    await asyncio.sleep(0)
    assert written[MESSAGES:] == [b"more"]


async def test_an_outbox_refuses_what_is_no_text():
    """A text that UTF-8 can't hold fails when it is sent, not when it is written."""
    written = []
    outbox = Outbox(lambda payload, more: written.append(payload), Crossing())
    with pytest.raises(UnicodeEncodeError):
        outbox.put("\ud800")
    outbox.flush()
    assert written == []
