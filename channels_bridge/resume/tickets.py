"""Tickets and tokens: proofs, kept by the client, of what the server has told it.

A *ticket* is for one position in a group and those after it, in the same epoch, for one user.
Without it a user who is let into a group today could ask for what was said before. What somebody
got who was not logged in is good for whoever has it, as anybody could have got it: so users may log
in between two connections. A *token* has the channel names that a client's earlier connections had,
so that it can be told from others.

Both are HMACs of ``SECRET_KEY``, compared in constant time, and good for ``LIFE`` seconds; what was
made with a key in ``SECRET_KEY_FALLBACKS`` is accepted, too. Nothing of them is kept here.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from channels_bridge.groups.history.position import Claim, Position, Why
from channels_bridge.resume.keys import keys, mac, text_of
from channels_bridge.resume.negotiation import Claimed, parse_position
from channels_bridge.resume.tags import tag_of, tags_of

#: Seconds. Longer than the runs of a quiet group are remembered, so that no ticket is the reason
#: for a gap where history is not.
LIFE = 48 * 3600
#: Seconds after which a connection's tickets are renewed.
RENEWAL = 12 * 3600

HOUR = 3600
MAC = 13  # bytes; with the rest it makes a ticket of 28 characters
NAME = 6  # bytes of the digest of a channel's name
#: How many earlier channel names are kept: the latest.
NAMES = 4

LARGEST_OFFSET = 2**40 - 1

#: Whom tickets are bound to that were given to somebody who was not logged in.
NOBODY = ""


def issue(group: str, user_id: object, position: Position) -> str:
    """Return a position as a client brings it: with its tag and a ticket.

    Args:
        user_id: the user's primary key; None for somebody who is not logged in.
    """
    identity = identity_of(user_id)
    ticket = make_ticket(group, identity, position)
    return f"{tag_of(group)}.{position.epoch}.{position.offset}.{ticket}"


def verify(text: str, group: str, user_id: object) -> Claim | Why | None:
    """Return where a client was in a group; why its word does not count; None: another group.

    Args:
        text: a position, with its tag and its ticket.
        user_id: as above.
    """
    tag, claimed = parse_position(text)
    if tag is None or tag not in tags_of(group):
        return None
    return claim_of(claimed, group, identity_of(user_id))


def claim_of(claimed: Claimed | None, group: str, identity: str) -> Claim | Why:
    """Return what a client may claim in a group; why it may not. None: it was garbled."""
    if claimed is None or not _is_good(claimed, group, identity):
        return Why.TICKET
    return Claim(Position(claimed.epoch, claimed.offset), claimed.frames)


# Tickets: when it expires, in hours (3 bytes); the first position (5 bytes); the HMAC.


def make_ticket(group: str, identity: str, position: Position) -> str:
    """Return a ticket for this position and those after it."""
    hours = int((time.time() + LIFE) // HOUR)
    offset = min(position.offset, LARGEST_OFFSET)
    head = hours.to_bytes(3, "big") + offset.to_bytes(5, "big")
    return text_of(head + _ticket_mac(keys()[0], group, identity, position.epoch, head))


def _is_good(claimed: Claimed, group: str, identity: str) -> bool:
    data = _decode(claimed.ticket)
    if len(data) != 8 + MAC or _is_expired(data) or claimed.offset < _number(data[3:8]):
        return False
    head, given = data[:8], data[8:]
    owners = {identity, NOBODY}
    epoch = claimed.epoch
    macs = (_ticket_mac(key, group, owner, epoch, head) for key in keys() for owner in owners)
    return _is_any(given, macs)


def _ticket_mac(key: bytes, group: str, identity: str, epoch: str, head: bytes) -> bytes:
    return mac(key, ("ticket", group, identity, epoch, head.hex()), MAC)


# Tokens: when it expires (3 bytes); digests of names (6 bytes each); the HMAC.


def make_token(identity: str, names: Sequence[bytes]) -> str:
    """Return a token for the latest of these names."""
    hours = int((time.time() + LIFE) // HOUR)
    head = hours.to_bytes(3, "big") + b"".join(names[-NAMES:])
    return text_of(head + mac(keys()[0], ("token", identity, head.hex()), MAC))


def names_in(token: str | None, identity: str) -> tuple[bytes, ...]:
    """Return the digests of the names that a token has; none where it is not good."""
    data = _decode(token or "")
    size = len(data) - 3 - MAC
    if size <= 0 or size % NAME or size > NAMES * NAME or _is_expired(data):
        return ()
    head, given = data[:-MAC], data[-MAC:]
    if not _is_any(given, (mac(key, ("token", identity, head.hex()), MAC) for key in keys())):
        return ()
    return tuple(head[at : at + NAME] for at in range(3, len(head), NAME))


def name_digest(name: str) -> bytes:
    """Return what stands for a channel's name in tokens."""
    return hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=NAME).digest()


# Who it is


def identity_of(user_id: object) -> str:
    """Return what tickets of a user are bound to; all who are not logged in are the same."""
    return NOBODY if user_id is None else f"user:{user_id}"


def identity_in(scope: Mapping[str, Any]) -> str:
    """Return the same of a connection."""
    try:
        user = scope.get("user")
        known = user is not None and user.is_authenticated
        return identity_of(user.pk) if known else NOBODY  # type: ignore[union-attr]
    except Exception:
        # Whatever a project puts there, such as a user that only a thread may ask for.
        return NOBODY


def _is_expired(data: bytes) -> bool:
    return _number(data[:3]) < time.time() // HOUR


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _is_any(given: bytes, expected: Iterable[bytes]) -> bool:
    return any(hmac.compare_digest(given, one) for one in expected)


def _decode(text: str) -> bytes:
    """Undo ``text_of``; empty where it is not that."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
    # Of several texts that Python takes for the same bytes one is good.
    return data if text_of(data) == text else b""
