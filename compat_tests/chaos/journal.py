"""What a process sent and got: a line each, written at once."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

# Times are of ``time.monotonic()``, which on Linux is the same in all processes.


@dataclass
class Record:
    """
    One process' journal.

    Attributes:
        joined: when it was told that it is a member; None when it never was.
        sent: number of a message -> when sending it began; those that were accepted.
        refused: numbers of those whose sender was told that they may not arrive.
        got: sender and number of each message, in order.
        ended: whether it ended in peace: it had sent and got everything.
    """

    name: str
    joined: float | None = None
    sent: dict[int, float] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    got: list[tuple[str, int]] = field(default_factory=list)
    ended: bool = False


class Journal:
    """Writes the journal of a process, which may be killed at any moment."""

    def __init__(self, directory: Path, name: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._fd = os.open(directory / f"{name}.journal", flags, 0o600)

    def joined(self) -> None:
        self._write("joined", time.monotonic())

    def sent(self, number: int, began: float) -> None:
        self._write("sent", number, began)

    def refused(self, number: int) -> None:
        self._write("refused", number)

    def got(self, sender: str, number: int) -> None:
        self._write("got", sender, number)

    def ended(self) -> None:
        self._write("ended")

    def _write(self, *words: object) -> None:
        os.write(self._fd, (" ".join(map(str, words)) + "\n").encode())


def read(path: Path) -> Record:
    """Read a journal, as far as it goes."""
    record = Record(path.stem)
    for line in path.read_text().splitlines():
        kind, *words = line.split()
        if kind == "joined":
            record.joined = float(words[0])
        elif kind == "sent":
            record.sent[int(words[0])] = float(words[1])
        elif kind == "refused":
            record.refused.add(int(words[0]))
        elif kind == "got":
            record.got.append((words[0], int(words[1])))
        else:
            record.ended = True
    return record


def read_all(directory: Path) -> list[Record]:
    """Read the journals of all processes."""
    return [read(path) for path in sorted(directory.glob("*.journal"))]
