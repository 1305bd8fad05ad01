"""Notices when a function changes that this package rebuilds or relies on."""

from __future__ import annotations

import pytest

from compat_tests.conftest import LINE
from compat_tests.surface import pins


@pytest.mark.parametrize("function", pins.PINS)
def test_unchanged(function):
    """A function is as this package knows it; or doesn't exist yet, in an old version."""
    place, digests = pins.PINS[function]
    found, version = pins.digest(function), pins.installed(function)
    oldest = next(iter(digests))
    if found is None and as_numbers(version) < as_numbers(oldest):
        return
    assert found in digests.values(), (
        f"{function} of version {version} is not as channels_bridge/{place} knows it.\n"
        f"{pins.__doc__}"
    )


def test_counts(record_property):
    """How much is watched."""
    digests = sum(len(digests) for _, digests in pins.PINS.values())
    channels, daphne = pins.installed("channels."), pins.installed("daphne.")
    record_property(
        LINE,
        f"pinned of Channels {channels} and Daphne {daphne}: "
        f"{len(pins.PINS)} functions, {digests} known versions of them",
    )


def as_numbers(version):
    return [int(number) for number in version.split(".")[:3]]
