"""A sender and a receiver that listens to a topic."""

from __future__ import annotations

import pytest

from compat_tests.groups.reliable.recorder import NOW, Recorder


@pytest.fixture
def sender() -> Recorder:
    """A process that sends."""
    return Recorder(b"sender")


@pytest.fixture
def receiver() -> Recorder:
    """A process that has subscribed ``g:a`` a minute ago."""
    receiver = Recorder(b"receiver")
    receiver.topics.subscribed("g:a", NOW - 60)
    return receiver
