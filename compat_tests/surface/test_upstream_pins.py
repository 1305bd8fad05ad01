"""Notices when upstream changes what this package rebuilds or relies on."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import requires, version
from platform import python_version

import pytest
from packaging.requirements import Requirement

from compat_tests.conftest import LINE
from compat_tests.servers import REPOSITORY
from compat_tests.surface import pins

PACKAGE = REPOSITORY / "channels_bridge"

#: Python's documentation, or Django's, has these, whatever their names say.
DOCUMENTED = {"_asdict", "_default_manager", "_exit", "_getframe", "_meta"}


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


@pytest.mark.parametrize("place", sorted({place for place, _ in pins.PINS.values()}))
def test_places(place):
    """Whoever is told of a change finds the file that it concerns."""
    assert (PACKAGE / place).is_file()


def test_private_names():
    """No private name of another package is used that nobody watches."""
    paths = [path for path in PACKAGE.rglob("*.py") if not path.stem.endswith("_pb2")]  # protoc's
    trees = [ast.parse(path.read_text()) for path in paths]
    ours = {name for tree in trees for node in ast.walk(tree) for name in defined(node)}
    used = {name for tree in trees for node in ast.walk(tree) for name in private(node)}
    pinned = {part for function in pins.PINS for part in function.partition(":")[2].split(".")}
    # Attributes of argparse's parsers and of lazy objects, which functions bind that are pinned.
    pinned |= {"_option_string_actions", "_wrapped"}
    assert used - ours - pinned == DOCUMENTED


def defined(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
            yield name


def private(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(attr=name):
            names = [name]
        case ast.ImportFrom(names=aliases):
            names = [alias.name for alias in aliases]
        case _:
            names = []
    return (name for name in names if name.startswith("_") and not name.startswith("__"))


def test_overridden_methods():
    """The methods of uvicorn's HTTP protocol that are overridden, not replaced, are watched."""
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    from channels_bridge.server.http.protocol import HttpConnection

    theirs = {name for name, value in vars(HttpToolsProtocol).items() if callable(value)}
    overridden = theirs & vars(HttpConnection).keys() - {"data_received"}
    path = f"{HttpToolsProtocol.__module__}:HttpToolsProtocol"
    assert overridden
    assert {f"{path}.{name}" for name in overridden} <= set(pins.PINS)


BOUNDED = [
    requirement
    for requirement in map(Requirement, requires("channels-bridge"))
    if any(bound.operator == "<" for bound in requirement.specifier)
]


@pytest.mark.parametrize("requirement", BOUNDED, ids=lambda requirement: requirement.name)
def test_bounds(requirement):
    """The release that is installed, which is the newest in CI, is within an upper bound."""
    assert version(requirement.name) in requirement.specifier, pins.__doc__


def test_counts(record_property):
    """How much is watched."""
    digests = sum(len(digests) for _, digests in pins.PINS.values())
    packages = dict.fromkeys(function.partition(":")[0].partition(".")[0] for function in pins.PINS)
    versions = [
        f"{package} {pins.installed(package)}"
        for package in packages
        if package not in sys.stdlib_module_names
    ]
    record_property(
        LINE,
        f"pinned of {', '.join(versions)} and Python {python_version()}: "
        f"{len(pins.PINS)} functions, {digests} known versions of them",
    )


def as_numbers(version):
    return [int(number) for number in version.split(".")[:3]]
