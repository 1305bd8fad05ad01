"""The actors, as whoever directs them sees them: processes that answer on a pipe."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from compat_tests.groups.hubs import ENVIRONMENT, ROOT
from compat_tests.groups.nats.faults.journal import Tally
from compat_tests.groups.nats.faults.verdict import Flow, Heard

#: How long an actor may take for anything, in seconds: far more than it ever needs.
DEADLINE = 60.0

SIZE = 2**16

#: What the log says of a loss.
DECLARED = re.compile(r"has missed ((?P<count>\d+) )?messages? to (g:)?(?P<topic>.+?) from another")

PACKAGE = "compat_tests.groups.nats.faults"


class Player:
    """One actor's process.

    Args:
        name: of the actor.
        config: CONFIG of its layer.
        topics: the groups that it will say something to.
        directory: for what it writes.
        program: what it runs, a module of this folder.

    Attributes:
        topics: the groups that it says something to.
        is_gone: whether it says nothing more.
        lacks_end: whether what it said last may be missing without a word, as it was killed.
    """

    def __init__(
        self,
        name: str,
        config: dict[str, Any],
        topics: Sequence[str],
        directory: Path,
        program: str = "actor",
    ) -> None:
        self.name = name
        self.is_gone = self.lacks_end = False
        self.topics = list(topics)
        tally = directory / f"{name}.tally"
        self._tally = Tally(tally, len(topics))
        part = {"name": name, "config": config, "topics": self.topics, "tally": str(tally)}
        self._log = directory / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"{PACKAGE}.{program}", json.dumps(part)],
                cwd=ROOT,
                env=ENVIRONMENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._received = b""

    def tell(self, name: str, *arguments: object) -> None:
        """Let it do something; ``hear()`` gives the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """The next answer."""
        deadline = time.monotonic() + DEADLINE
        while b"\n" not in self._received:
            self._received += self._read(deadline - time.monotonic())
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def _read(self, seconds: float) -> bytes:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, seconds))
        data = os.read(self._process.stdout.fileno(), SIZE) if ready else b""
        assert data, f"{self.name} says nothing\n{self.read_log()}"
        return data

    def ask(self, name: str, *arguments: object) -> Any:
        """Let it do something, and wait for the answer."""
        self.tell(name, *arguments)
        return self.hear()

    def said(self) -> dict[Flow, int]:
        """The last number of each of its flows."""
        return {(self.name, topic): self._tally[number] for number, topic in enumerate(self.topics)}

    def kill(self) -> None:
        """Give it no chance to say goodbye."""
        self.is_gone = self.lacks_end = True
        self._process.kill()
        self._process.wait()

    def await_end(self) -> None:
        """Wait until it has ended by itself."""
        code = self._process.wait(DEADLINE)
        assert code == 0, self.read_log()
        self.is_gone = True

    def pause(self) -> None:
        """Let it do nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def read_log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text()

    def close(self) -> None:
        """Leave nothing of it behind."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def ask_all(players: Iterable[Player], name: str, *arguments: object) -> list[Any]:
    """Let all do something at once, and wait for their answers."""
    players = list(players)
    for player in players:
        player.tell(name, *arguments)
    return [player.hear() for player in players]


def heard(player: Player, account: dict[str, Any]) -> Heard:
    """What an actor's account says that it heard, and that it was told to have missed."""
    runs = {(sender, topic): runs for sender, topic, runs in account["runs"]}
    found = map(DECLARED.search, account["errors"])
    return Heard(player.name, runs, [read(line) for line in found if line])


def read(line: re.Match[str]) -> tuple[str, int | None]:
    """The topic, and how many messages were missed; None where nobody knows."""
    return line["topic"], int(line["count"]) if line["count"] else None
