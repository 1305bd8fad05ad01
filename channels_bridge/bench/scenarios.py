"""The shapes of load, by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scenario:
    """A closed loop: in each group one member publishes, and again when its own copy comes back.

    Args:
        name: what the command line calls it.
        connections: WebSockets in all, spread evenly over the groups.
        groups: how many groups.
        window: messages that each publisher keeps in flight.
        size: bytes of each message.

    """

    name: str
    connections: int
    groups: int
    window: int
    size: int = 64


SCENARIOS = {
    scenario.name: scenario
    for scenario in (Scenario("fanout", connections=200, groups=20, window=2),)
}
