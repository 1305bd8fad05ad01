"""Control messages: what the server says to a client on its own account."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from channels_bridge.groups.presence.roll import RollChange


def control_text(fields: Mapping[str, Any]) -> str:
    """Return a control message; what is None is left out."""
    said = {name: value for name, value in fields.items() if value is not None}
    return "!" + json.dumps(said, separators=(",", ":"))


class _Same:
    """A change, compared by what it is and not by what is in it, which may be much."""

    __slots__ = ("change",)

    def __init__(self, change: RollChange) -> None:
        self.change = change

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.change is self.change

    def __hash__(self) -> int:
        return hash(self.change.version)


def presence_text(tag: str, change: RollChange) -> str:
    """Return what tells who is present: made once for all members of a group in this process.

    Over a group's limit only the number is told.
    """
    return _presence_text(tag, _Same(change))


@functools.lru_cache(maxsize=16)
def _presence_text(tag: str, same: _Same) -> str:
    change = same.change
    said: dict[str, Any] = {"t": "here" if change.is_whole else "diff", "g": tag}
    said.update(v=change.version, n=change.count)
    came = {key: here.info for key, here in change.came.items()}
    if change.is_whole and len(came) == change.count:
        said["in"] = came
    elif not change.is_whole and (came or change.gone):
        said.update({"in": came, "out": list(change.gone)})
    return "!" + json.dumps(said, separators=(",", ":"), default=str)
