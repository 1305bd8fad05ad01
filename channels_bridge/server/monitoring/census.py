"""The server's processes, and their counters added up.

Counters never go down: what an ended worker had counted is kept. A worker that is killed takes what
it counted since it was asked last with it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from channels_bridge.server.child.questions import Message, Questions

#: The name of the service whose processes are asked.
WORKER = "worker"

#: Seconds that a process has to answer. One that takes longer is shown with what it said before.
PATIENCE = 1.0

#: Numbers by name, or by name and label.
Counts = dict[str, Any]


class State(Protocol):
    """What a child has reported; a ``SupervisorEnd`` of ``child/pipe.py``."""

    ready: bool
    stopping: bool


class Process(Protocol):
    """A child process; a ``Child`` of ``supervisor/child_process.py``."""

    name: str
    started: float

    @property
    def pid(self) -> int: ...

    @property
    def channel(self) -> State: ...

    @property
    def questions(self) -> Questions: ...


@dataclass(frozen=True)
class Member:
    """One process of the server.

    Attributes:
        number: the lowest that was free when it began: it stays low however many have ended.
        process: whose this is.
        answer: what it said to this question or, where it did not, last; empty before the first
            time.
        fresh: whether it said so now.
    """

    number: int
    process: Process
    answer: Message
    fresh: bool

    @property
    def state(self) -> str:
        channel = self.process.channel
        return "stopping" if channel.stopping else "ready" if channel.ready else "starting"


class Census:
    """The processes of a server, and what they have counted.

    Attributes:
        phase: of the server: ``starting``, ``serving``, or ``draining``: it ends, and takes no
            connections any more.
        started: when the server was, in ``time.monotonic()``.
        restarts: how many processes were started in place of one that ended, by service.
        recycled: how many workers were replaced as they were worn, by what had worn them.
    """

    def __init__(self) -> None:
        self.phase = "starting"
        self.started = time.monotonic()
        self.restarts: Counter[str] = Counter()
        self.recycled: Counter[str] = Counter()
        self._processes: dict[Process, int] = {}
        self._past: Counts = {}  # what those counted that have ended

    def enter(self, process: Process) -> None:
        """A process has been started."""
        taken = {number for other, number in self._processes.items() if other.name == process.name}
        self._processes[process] = next(n for n in range(len(taken) + 1) if n not in taken)

    def leave(self, process: Process) -> None:
        """A process has ended, and said its last word if it has one."""
        del self._processes[process]
        add(self._past, _counters(process.questions.last))

    @property
    def is_ready(self) -> bool:
        """Whether any worker takes connections."""
        return any(process.channel.ready for process in self._processes if process.name == WORKER)

    def services(self) -> Iterator[tuple[int, Process]]:
        """The processes that aren't workers, such as hubs, with their numbers."""
        for process, number in self._processes.items():
            if process.name != WORKER:
                yield number, process

    async def workers(self, question: Message, patience: float = PATIENCE) -> list[Member]:
        """Ask all workers, and wait for at most ``patience`` seconds."""
        return await self._ask([p for p in self._processes if p.name == WORKER], question, patience)

    async def others(self, question: Message, patience: float = PATIENCE) -> list[Member]:
        """Ask the processes that aren't workers, and wait for as long."""
        return await self._ask([p for _, p in self.services()], question, patience)

    async def _ask(self, asked: list[Process], question: Message, patience: float) -> list[Member]:
        answers = await asyncio.gather(
            *(process.questions.ask(question, patience) for process in asked)
        )
        return [
            self._member(process, answer)
            for process, answer in zip(asked, answers, strict=True)
            if process in self._processes  # else: it ended meanwhile
        ]

    def _member(self, process: Process, answer: Message | None) -> Member:
        number = self._processes[process]
        if answer is not None:
            return Member(number, process, answer, fresh=True)
        return Member(number, process, process.questions.last or {}, fresh=False)

    def totals(self, members: list[Member]) -> Counts:
        """All counters of ``members`` and of those that have ended, added up by name."""
        totals: Counts = {}
        for counts in (self._past, *(_counters(member.answer) for member in members)):
            add(totals, counts)
        return totals


def _counters(answer: Message | None) -> Counts:
    counters: Counts = (answer or {}).get("counters", {})
    return counters


def add(totals: Counts, counts: Mapping[str, Any]) -> None:
    """Add ``counts`` to ``totals``, name by name and label by label."""
    for name, count in counts.items():
        if isinstance(count, Mapping):
            add(totals.setdefault(name, {}), count)
        else:
            totals[name] = totals.get(name, 0) + count
