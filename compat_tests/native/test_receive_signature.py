"""The signature of a consumer's receive() tells which messages it takes."""

from __future__ import annotations

import pytest

from channels_bridge.native.receive_signature import frame_calls


async def named(text_data=None, bytes_data=None):
    return text_data, bytes_data


async def required(text_data, bytes_data):
    return text_data, bytes_data


async def keyword_only(*, text_data=None, bytes_data=None):
    return text_data, bytes_data


async def anything(**frame):
    return frame.get("text_data"), frame.get("bytes_data")


async def text_only(text_data):
    return text_data, None


async def other_name(message):
    return message, None


async def bytes_only(bytes_data):
    return None, bytes_data


@pytest.mark.parametrize(
    "receive", [named, required, keyword_only, anything, text_only, other_name]
)
async def test_text(receive):
    """Text reaches each receive() that has room for it."""
    assert await frame_calls(receive)["text"]("hello") == ("hello", None)


@pytest.mark.parametrize("receive", [named, required, keyword_only, anything, bytes_only])
async def test_bytes(receive):
    """Binary data reaches each receive() that has a bytes_data."""
    assert await frame_calls(receive)["bytes"](b"hello") == (None, b"hello")


@pytest.mark.parametrize("receive", [text_only, other_name])
def test_no_bytes(receive):
    """A receive() with one parameter takes no binary data."""
    assert frame_calls(receive)["bytes"] is None


def test_no_text():
    """A receive() for binary data is not given text instead."""
    assert frame_calls(bytes_only)["text"] is None
