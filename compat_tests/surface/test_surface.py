"""Each module, name and signature of Channels is to be had from the same place in this package."""

from __future__ import annotations

import importlib
import json

import channels
import pytest

from compat_tests.conftest import LINE
from compat_tests.surface.upstream import (
    RECORD,
    attributes,
    counterpart,
    defined,
    describe,
    module_names,
    public,
    signature,
    surface,
)

# What has the same name as in Channels, and is not the same object.
OURS = {
    "channels.apps": {"ChannelsConfig"},
    "channels.management.commands.runworker": {"Command"},
    "channels.testing": {"ChannelsLiveServerTestCase"},
    "channels.testing.live": {
        "ChannelsLiveServerTestCase",
        "make_application",
        "set_database_connection",
    },
}

# What modules of Channels import for themselves, and ours of the same names need not.
IMPORTED = {"channels.testing.live": {"DaphneProcess"}}

STEPS = """
Channels {version} differs from {known}, the newest version that this package knows:

{changes}

1. Names that are the same objects here need nothing. Have a look whether they do what they did;
   test_upstream_pins.py knows which functions matter.
2. Add what is new to modules of our own: testing.live, apps, management.commands.runworker.
3. DJANGO_SETTINGS_MODULE=compat_tests.settings python -m compat_tests.surface.upstream
"""


@pytest.mark.parametrize("name", module_names())
def test_module(name):
    """A module has all the names that Channels' has: the same objects, unless they are listed."""
    upstream, ours = importlib.import_module(name), counterpart(name)
    listed = OURS.get(name, set())
    names = public(upstream).keys() - IMPORTED.get(name, set())
    missing = {name for name in names if not hasattr(ours, name)}
    assert not missing
    other = {name for name in names if getattr(ours, name) is not getattr(upstream, name)}
    assert other == listed & names  # a name may be younger than this Channels
    for exported in getattr(upstream, "__all__", ()):
        assert exported in ours.__all__


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, names in OURS.items() for n in sorted(names)]
)
def test_ours(module, name):
    """What is our own has the signature, and the attributes, of what it replaces."""
    upstream = getattr(importlib.import_module(module), name, None)
    ours = getattr(counterpart(module), name)
    if upstream is None:
        pytest.skip(f"Channels {channels.__version__} has no {module}.{name}")
    if not isinstance(upstream, type):
        assert set(signature(upstream).split(", ")) <= set(signature(ours).split(", "))
        return
    for attribute in attributes(upstream):
        theirs = getattr(upstream, attribute)
        assert hasattr(ours, attribute), attribute
        if not isinstance(theirs, type):
            assert describe(getattr(ours, attribute)) == describe(theirs), attribute


def test_known():
    """The installed Channels has no name or signature that the newest one known hasn't."""
    record = json.loads(RECORD.read_text())
    if as_numbers(channels.__version__) < as_numbers(record["version"]):
        pytest.skip(f"{record['version']} is known, and this is Channels {channels.__version__}")
    known, found = flat(record["modules"]), flat(surface())
    changes = [
        f"  {name}: {known.get(name, 'nothing')!r} -> {found.get(name, 'nothing')!r}"
        for name in sorted(known.keys() | found.keys())
        if known.get(name) != found.get(name)
    ]
    assert not changes, STEPS.format(
        version=channels.__version__, known=record["version"], changes="\n".join(changes)
    )


def test_counts(record_property):
    """How much was compared."""
    modules = {name: importlib.import_module(name) for name in module_names()}
    names = sum(len(public(module)) for module in modules.values())
    own = sum(len(defined(module)) for module in modules.values())
    ours = sum(map(len, OURS.values()))
    record_property(
        LINE,
        f"surface of Channels {channels.__version__}: {len(modules)} modules, "
        f"{names} names ({own} defined there), {ours} of them ours",
    )


def as_numbers(version):
    return [int(number) for number in version.split(".")[:3] if number.isdecimal()]


def flat(tree, prefix=""):
    """``{"a": {"b": c}}`` as ``{"a.b": c}``."""
    leaves = {}
    for name, value in tree.items():
        path = f"{prefix}.{name}" if prefix else name
        leaves.update(flat(value, path) if isinstance(value, dict) else {path: value})
    return leaves
