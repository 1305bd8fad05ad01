"""Frames of outgoing messages, built once while they repeat."""

from __future__ import annotations

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from channels_bridge.server.websocket.frames import FrameCache


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_frame(size):
    """A frame is what websockets makes of the message, whatever its length."""
    frames = FrameCache(1024)
    assert frames.frame("é" * size) == Frame(Opcode.TEXT, b"\xc3\xa9" * size).serialize(mask=False)
    assert frames.frame(b"x" * size) == Frame(Opcode.BINARY, b"x" * size).serialize(mask=False)


def test_repeated_message():
    """The frame of a message that repeats is the same object; another message has its own."""
    frames = FrameCache(1024)
    first = frames.frame("hello")
    assert frames.frame("hel" + "lo".lower()) is first
    assert frames.frame("bye") != first
    assert frames.frame("hello") == first


def test_text_and_bytes_are_not_confused():
    """A text message and a binary one have different frames, empty ones too."""
    frames = FrameCache(1024)
    assert [frames.frame(payload)[0] for payload in ("", b"", "")] == [0x81, 0x82, 0x81]


def deflate(window=12):
    return PerMessageDeflate(True, True, 15, window)


def test_compressed_frame_is_shared():
    """A compressed message has one frame for all connections that agreed on the same window."""
    frames = FrameCache(10)
    text = "again and " * 100
    first = frames.frame(text, deflate())
    assert first[0] == 0xC1  # final, compressed, text
    assert len(first) < 100
    assert frames.frame(text, deflate()) is first
    assert frames.frame(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
    assert frames.frame(text, deflate(9)) is not first
    assert frames.frame(text, deflate()) is first


def test_short_messages_are_not_compressed():
    """A message below the limit is sent as it is."""
    frames = FrameCache(10)
    assert frames.frame("x" * 9, deflate())[0] == 0x81
    assert frames.frame("x" * 10, deflate())[0] == 0xC1
