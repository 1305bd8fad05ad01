"""Environment variables that configure gRPC."""

from __future__ import annotations

import os

import pytest

from channels_bridge.groups.grpc import environment


@pytest.mark.parametrize(
    "names, told",
    [
        # Any two strings that every release of gRPC has in its code.
        (["grpc.max_metadata_size", "grpc.keepalive_time_ms"], True),
        (["grpc.max_metadata_size", "an engine of another release"], False),
    ],
)
def test_engine(monkeypatch, names, told):
    """gRPC is told which engine to use, in names that it knows."""
    monkeypatch.delenv("GRPC_EXPERIMENTS", raising=False)
    monkeypatch.setattr(environment, "NEWER_ENGINE", names)
    environment.prepare()
    expected = "-grpc.max_metadata_size,-grpc.keepalive_time_ms" if told else None
    assert os.environ.get("GRPC_EXPERIMENTS") == expected


def test_users_know_better(monkeypatch):
    """What is set already stays."""
    own = {"GRPC_VERBOSITY": "INFO", "GRPC_ENABLE_FORK_SUPPORT": "1", "GRPC_EXPERIMENTS": ""}
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    environment.prepare()
    assert {name: os.environ[name] for name in own} == own
