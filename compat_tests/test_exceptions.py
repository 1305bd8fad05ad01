"""The package's own exceptions."""

from __future__ import annotations

import copy
import pickle

import pytest

from channels_bridge.exceptions import (
    BridgeError,
    ChannelsFull,
    ForeignChannel,
    HubAddressError,
    LoopBlocked,
    TransportUnavailable,
)

EXAMPLES = [
    TransportUnavailable("nats://n1", "refused", "start it", peer="NATS"),
    HubAddressError("unix:/groups.sock", "it is too long"),
    LoopBlocked(10),
    ForeignChannel("specific.a!b"),
    ChannelsFull(["a", "b"]),
]


def test_all_are_here() -> None:
    """Each kind has an example."""
    kinds = {
        kind for kind in BridgeError.__subclasses__() if kind.__module__ == BridgeError.__module__
    }
    assert {type(error) for error in EXAMPLES} == kinds


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_pickled(error: BridgeError, protocol: int) -> None:
    """Another process gets the same exception, with its message and its attributes."""
    got = pickle.loads(pickle.dumps(error, protocol))
    assert (type(got), str(got), vars(got)) == (type(error), str(error), vars(error))


def test_copied() -> None:
    """So does who copies one."""
    got = copy.copy(EXAMPLES[0])
    assert (str(got), vars(got)) == (str(EXAMPLES[0]), vars(EXAMPLES[0]))
