"""Tags: what a group is called on the wire, equal for all its members.

A tag is made of the group's name with the project's secret key, so it doesn't tell the name.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from channels_bridge.resume.keys import keys, mac, text_of

#: Bytes of a tag: 8 characters.
LENGTH = 6


def tag_of(group: str) -> str:
    """Return the tag that clients are told."""
    return _tag(keys()[0], group)


def tags_of(group: str) -> Sequence[str]:
    """Return all tags that clients may know the group by; the one that they are told is first."""
    return [_tag(key, group) for key in keys()]


@functools.lru_cache(maxsize=4096)
def _tag(key: bytes, group: str) -> str:
    return text_of(mac(key, ("tag", group), LENGTH))
