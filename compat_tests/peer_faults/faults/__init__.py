"""What goes wrong. Each fault is a function that says in its docstring what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from compat_tests.peer_faults.scene import Scene

#: What was seen: a value for each figure, the most important first.
Seen = Mapping[str, object]
Run = Callable[[Scene], Awaitable[Seen]]


@dataclass(frozen=True)
class Fault:
    """A fault.

    Args:
        name: what tables and the command line call it.
        what: what is done.
        run: does it.
        alone: whether it is about speed: stacks then come one after the other.
        pings: seconds between pings, and for their answers; if None, the servers' defaults.
    """

    name: str
    what: str
    run: Run
    alone: bool
    pings: int | None


FAULTS: dict[str, Fault] = {}


def fault(*, alone: bool = False, pings: int | None = None) -> Callable[[Run], Run]:
    """Enter a function into ``FAULTS``, under its name."""

    def enter(run: Run) -> Run:
        name = run.__name__.replace("_", "-")
        what = " ".join((run.__doc__ or "").split()).replace("``", "`")  # for a page in Markdown
        FAULTS[name] = Fault(name, what, run, alone, pings)
        return run

    return enter


from compat_tests.peer_faults.faults import brokers, clients, deploys, load, messages, workers  # noqa: E402, F401
