"""Own echo: a client's own messages, when they come back to it after it was away."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from typing import Any

from channels_bridge.resume.tickets import name_digest

#: Characters of a channel's name at most, as Channels allows them.
LONGEST_NAME = 100


def recognise_echo(
    event: MutableMapping[str, Any], names: Collection[bytes], channel_name: str
) -> None:
    """Put a connection's channel name where a message has one of its client's earlier ones.

    ``if event["sender"] != self.channel_name`` is how consumers leave out their own messages, and
    the name is another one after each break.

    Args:
        names: digests of the earlier names.
    """
    for key, value in event.items():
        if _may_be_name(value) and name_digest(value) in names:
            event[key] = channel_name


def may_have_names(event: Mapping[str, Any]) -> bool:
    """Whether a message may have the name of a channel, of whomever."""
    return any(map(_may_be_name, event.values()))


def _may_be_name(value: object) -> bool:
    return isinstance(value, str) and "!" in value and len(value) <= LONGEST_NAME
