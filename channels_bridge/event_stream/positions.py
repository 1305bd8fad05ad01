"""Positions as clients keep them: one for each group, signed, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channels_bridge.groups.history.position import Claim, Position, Why
from channels_bridge.resume import tickets

SEPARATOR = "~"

#: Characters of what a client may send; 20 groups take a quarter of it.
MAX_LENGTH = 8192
#: Positions in it that are looked at, each for each group: the first ones. As of a WebSocket.
MAX_POSITIONS = 100


def write(positions: Mapping[str, Position], user: object) -> str:
    """Write positions, by group, for a client with this user; empty where there are none."""
    return SEPARATOR.join(
        tickets.issue(group, user, position) for group, position in positions.items()
    )


def read(text: str, groups: Sequence[str], user: object) -> dict[str, Claim | Why]:
    """Read what a client has sent: where it was in each group, or why that doesn't count.

    What is of none of the groups may be garbled: those that it says nothing of have a gap then.
    """
    parts = text[:MAX_LENGTH].split(SEPARATOR, MAX_POSITIONS) if text else []
    claims: dict[str, Claim | Why] = {}
    strange = set(parts)
    for group in groups:
        for part in parts:
            claim = tickets.verify(part, group, user)
            if claim is not None:
                claims[group] = claim
                strange.discard(part)
    if strange:
        claims = {group: claims.get(group, Why.TICKET) for group in groups}
    return claims
