"""What actors write down: how much they have said, and what they have heard."""

from __future__ import annotations

import math
import mmap
import struct
from pathlib import Path
from typing import Any

#: One count, as it stands in the file.
COUNT = struct.Struct("=Q")


def message(sender: str, topic: str, number: int, padding: str = "") -> dict[str, Any]:
    """What is sent to a group."""
    return {
        "type": "said",
        "sender": sender,
        "topic": topic,
        "number": number,
        "padding": padding,
    }


class Tally:
    """How many messages a sender has given away on each topic: a file that outlives its death.

    Args:
        path: of the file, which is made where it isn't there.
        topics: how many there are.
    """

    def __init__(self, path: Path, topics: int) -> None:
        size = COUNT.size * max(1, topics)
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._counts = mmap.mmap(file.fileno(), size)

    def __getitem__(self, topic: int) -> int:
        (count,) = COUNT.unpack_from(self._counts, topic * COUNT.size)
        return int(count)

    def add(self, topic: int) -> int:
        """Count one more. Returns its number, from 1."""
        count = self[topic] + 1
        COUNT.pack_into(self._counts, topic * COUNT.size, count)
        return count


class Hearing:
    """What one actor has heard: the numbers of each flow in order of arrival, in runs.

    Args:
        name: of the actor.

    Attributes:
        runs: sender and topic -> runs, each the first and the last of numbers that came in a row.
        longest_pause: seconds between two messages of others.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.runs: dict[tuple[str, str], list[list[int]]] = {}
        self.longest_pause = 0.0
        self._last = math.inf  # so that nothing is a pause before the first message

    def hear(self, sender: str, topic: str, number: int, now: float) -> None:
        """Write one message down."""
        runs = self.runs.setdefault((sender, topic), [])
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
        if sender == self._name:
            return
        self.longest_pause = max(self.longest_pause, now - self._last)
        self._last = now

    def forget_pauses(self, now: float) -> None:
        """Look for the longest pause from now on."""
        self.longest_pause, self._last = 0.0, now
