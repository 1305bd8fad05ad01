"""Checks that a node can be used: its release, and how large messages may be."""

from __future__ import annotations

import re

from channels_bridge.groups.nats.client.nats_errors import NatsUnavailable
from channels_bridge.groups.nats.client.server_info import ServerInfo

#: The oldest release of nats-server that says who listens, as is asked for here.
MIN_VERSION = (2, 10)

#: Bytes that a message must be allowed to have: larger payloads are cut, but not into crumbs.
MIN_PAYLOAD = 16 * 1024

_VERSION = re.compile(r"v?([0-9]+)\.([0-9]+)")


def explain_unfit(info: ServerInfo) -> NatsUnavailable | None:
    """Say why a node can't be used; None where it can."""
    found = _VERSION.match(info.version)
    if found is not None and (int(found[1]), int(found[2])) < MIN_VERSION:
        needed = ".".join(map(str, MIN_VERSION))
        return NatsUnavailable(
            f"{info.server_name} is nats-server {info.version}", f"update it to {needed} or later"
        )
    if info.max_payload < MIN_PAYLOAD:
        return NatsUnavailable(
            f"{info.server_name} takes messages up to {info.max_payload} bytes only",
            f"set its `max_payload` to {MIN_PAYLOAD} at least; it is 1MB by default",
        )
    return None
