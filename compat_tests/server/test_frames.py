"""Frames of outgoing messages, built once while they repeat."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from channels_bridge.server.frames import FrameCache


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_frame(size):
    """A frame is what websockets makes of the message, whatever its length."""
    frames = FrameCache()
    assert frames.frame("é" * size) == Frame(Opcode.TEXT, b"\xc3\xa9" * size).serialize(mask=False)
    assert frames.frame(b"x" * size) == Frame(Opcode.BINARY, b"x" * size).serialize(mask=False)


def test_repeated_message():
    """The frame of a message that repeats is the same object; another message has its own."""
    frames = FrameCache()
    first = frames.frame("hello")
    assert frames.frame("hel" + "lo".lower()) is first
    assert frames.frame("bye") != first
    assert frames.frame("hello") == first


def test_text_and_bytes_are_not_confused():
    """A text message and a binary one have different frames, empty ones too."""
    frames = FrameCache()
    assert [frames.frame(payload)[0] for payload in ("", b"", "")] == [0x81, 0x82, 0x81]
