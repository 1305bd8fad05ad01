"""Which nodes can be used, and what is said of those that can't."""

from __future__ import annotations

import pytest

from channels_bridge.groups.nats.client.server_info import ServerInfo
from channels_bridge.groups.nats.node_check import MIN_PAYLOAD, explain_unfit


@pytest.mark.parametrize("version", ["2.10.0", "2.15.1", "v2.11.3-beta.1", "3.0.0", "dev", ""])
def test_versions(version):
    """Releases that say who listens can be used, and those that can't be read are trusted."""
    assert explain_unfit(ServerInfo(version=version)) is None


@pytest.mark.parametrize("version", ["1.4.1", "2.9.25", "v2.2.0"])
def test_old_versions(version):
    """An older one is to be updated."""
    unfit = explain_unfit(ServerInfo(server_name="n1", version=version))
    assert str(unfit) == f"n1 is nats-server {version}: update it to 2.10 or later"


def test_small_messages():
    """Where a node takes tiny messages only, the setting is named."""
    assert explain_unfit(ServerInfo(max_payload=MIN_PAYLOAD)) is None
    unfit = explain_unfit(ServerInfo(server_name="n1", max_payload=MIN_PAYLOAD - 1))
    assert "n1 takes messages up to 16383 bytes only: set its `max_payload`" in str(unfit)
