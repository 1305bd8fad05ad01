"""Environment variables for gRPC."""

from __future__ import annotations

import mmap
import os
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import grpc
import pytest

from channels_bridge.groups.grpc import environment
from channels_bridge.groups.grpc.environment import BOTH_ENGINES, NEWER_ENGINE

OLDER = "-event_engine_client,-event_engine_listener"


@pytest.mark.parametrize(
    "version, told",
    [
        ("1.66.2", None),
        ("1.79.1", None),
        ("1.80.0", OLDER),
        ("1.82.0rc1", OLDER),
        ("1.85.3", OLDER),
        ("1.86.0", None),
        ("2.0.0", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_engine(monkeypatch, version, told):
    """gRPC is told to use its older I/O engine where it is known to have both, else nothing."""
    monkeypatch.setenv("GRPC_EXPERIMENTS", "")  # so that it is put back in any case
    monkeypatch.delenv("GRPC_EXPERIMENTS")
    monkeypatch.setattr(environment, "installed_release", lambda: version)
    environment.prepare()
    assert os.environ.get("GRPC_EXPERIMENTS") == told


@pytest.mark.parametrize(
    "folders, found",
    [
        (["grpcio-1.84.0.dist-info", "grpcio_status-1.2.0.dist-info"], "1.84.0"),
        (["grpcio-1.84.0.dist-info", "grpcio-1.85.3.dist-info"], "by metadata"),
        ([], "by metadata"),
        (None, "by metadata"),
    ],
)
def test_release(monkeypatch, tmp_path, folders, found):
    """The release is that of the folder beside the package; where it isn't plain, Python says."""
    for folder in folders or ():
        (tmp_path / folder).mkdir()
    spec = None if folders is None else SimpleNamespace(submodule_search_locations=[tmp_path / "g"])
    monkeypatch.setattr(environment, "find_spec", lambda name: spec)
    monkeypatch.setattr(metadata, "version", lambda name: "by metadata")
    assert environment.installed_release() == found


def test_release_that_nobody_knows(monkeypatch):
    """A gRPC that no installer has brought has no release."""
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    monkeypatch.setattr(metadata, "version", Mock(side_effect=metadata.PackageNotFoundError))
    assert environment.installed_release() == ""


def test_the_release_is_the_installed_one():
    """It is what importlib.metadata says, which a hub does without."""
    assert environment.installed_release() == metadata.version("grpcio")


def test_known_releases():
    """The installed release of gRPC knows the names of its engines exactly where we say so."""
    release = tuple(map(int, metadata.version("grpcio").split(".")[:2]))
    (library,) = Path(grpc.__file__).parent.glob("_cython/cygrpc.*.*")
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as code:
        has_names = all(code.rfind(name.encode()) >= 0 for name in NEWER_ENGINE)
    uses_newer = release >= BOTH_ENGINES[0]
    assert environment.has_both_engines() == (uses_newer and has_names)


def test_users_know_better(monkeypatch):
    """What is set already stays."""
    own = {"GRPC_VERBOSITY": "INFO", "GRPC_ENABLE_FORK_SUPPORT": "1", "GRPC_EXPERIMENTS": ""}
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    environment.prepare()
    assert {name: os.environ[name] for name in own} == own
