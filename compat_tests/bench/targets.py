"""The targets of the project: limits to figures of one run, or to their ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from channels_bridge.bench.loads.loads import NOTHINGS
from channels_bridge.bench.loads.scenarios import (
    BESIDE_NOTHING,
    BRIDGE,
    COMPRESSED,
    HISTORY,
    NATS,
    OWN,
)
from channels_bridge.bench.report.results import Results, Row
from channels_bridge.bench.stacks import brokers, channel_layers
from channels_bridge.bench.stacks.stack import STACKS

Value = Callable[[Results], float | None]


@dataclass(frozen=True)
class Target:
    """One figure that has a limit.

    Args:
        scenario: where it is measured.
        what: the figure, in words.
        limit: it is reached where the figure is at or below this, in every round.
        value: the figure; None where it wasn't measured.
    """

    scenario: str
    what: str
    limit: float
    value: Value

    def line(self, results: Results) -> str | None:
        """Whether it is reached, in words; None where it wasn't measured."""
        value = self.value(results)
        if value is None:
            return None
        rounds = [
            figure for each in each_round(results) if (figure := self.value(each)) is not None
        ]
        missed = sum(figure > self.limit for figure in rounds)
        figures = f"{value:.4g} (at most {self.limit:.4g}{listed(rounds)})"
        return f"{verdict(missed, len(rounds))}: {self.scenario}: {self.what}: {figures}"


def each_round(results: Results) -> Iterator[Results]:
    """Each round of all rows for itself; rows may have fewer of them than others."""
    for number in range(max((len(row.rounds) for row in results), default=0)):
        alone = Results(results.header)
        for row in results:
            for round in row.rounds[number : number + 1]:
                alone.add(row.scenario, row.case, row.stack, round)
        yield alone


def verdict(missed: int, rounds: int) -> str:
    """What to call a target that was missed in some rounds, or in none."""
    if not missed:
        return "reached"
    return "MISSED" if missed == rounds else f"MISSED in {missed} of {rounds} rounds"


def listed(rounds: Sequence[float]) -> str:
    """The figures of several rounds."""
    if len(rounds) < 2:
        return ""
    return "; by round: " + ", ".join(f"{figure:.4g}" for figure in rounds)


def lines(results: Results, targets: Sequence[Target] | None = None) -> list[str]:
    """A line for each of the targets, or of all there are, whose figures were measured."""
    return [line for target in targets or TARGETS if (line := target.line(results))]


def of(is_wanted: Callable[[str], bool]) -> list[Target]:
    """What counts everywhere, and the targets of those scenarios, but for those of history."""
    told = [target for target in TARGETS if target not in HISTORY_TARGETS]
    return [target for target in told if target is WRONG or is_wanted(target.scenario)]


@dataclass(frozen=True)
class Figure:
    """The median of one figure in some rows.

    Args:
        name: of a round's figures.
        scenario: the rows' scenario.
        case: the rows' case.
        stacks: the rows' stacks.
    """

    name: str
    scenario: str
    case: str = ""
    stacks: Sequence[str] = (BRIDGE,)

    def __call__(self, results: Results) -> float | None:
        """The least of the medians; None if there is none."""
        rows: Iterable[Row | None]
        rows = [results.row(self.scenario, self.case, stack) for stack in self.stacks]
        medians = [row.median(self.name) for row in rows if row]
        return min((value for value in medians if value is not None), default=None)

    def __truediv__(self, other: Figure) -> Value:
        def ratio(results: Results) -> float | None:
            value, base = self(results), other(results)
            return value / base if value is not None and base else None

        return ratio

    def __sub__(self, other: Figure) -> Value:
        def difference(results: Results) -> float | None:
            value, base = self(results), other(results)
            return None if value is None or base is None else value - base

        return difference


def cpu(scenario: str, case: str = "", *stacks: str) -> Figure:
    """CPU time per unit; ours, if no stack is named."""
    return Figure("cpu_us", scenario, case, stacks or (BRIDGE,))


def best_without_loop(case: str) -> Value:
    """What a message from outside takes with Redis at best, less what asgiref takes for its call.

    That makes a loop for each one; none is made for ours.
    """

    def least(results: Results) -> float | None:
        figures = (without_loop(case, name, results) for name in REDIS)
        return min((figure for figure in figures if figure is not None), default=None)

    return least


def without_loop(case: str, stack: str, results: Results) -> float | None:
    whole, alone, beside = (
        cpu("outside", name, stack)(results) for name in (case, THREAD, BESIDE_NOTHING)
    )
    if whole is None or alone is None or beside is None:
        return None
    return whole - (beside - alone) / NOTHINGS


def of_best_without_loop(case: str) -> Value:
    """Ours, as a part of that."""

    def ratio(results: Results) -> float | None:
        ours, best = cpu("outside", case)(results), best_without_loop(case)(results)
        return ours / best if ours is not None and best else None

    return ratio


def kib(case: str) -> Figure:
    return Figure("kib", "idle", case)


def wrong(results: Results) -> float:
    """How many messages and connections of ours were not as expected."""
    ours = [row for row in results if row.stack.startswith(BRIDGE)]
    counts = ("duplicated", "out_of_order", "connections_lost")
    lost = sum(row.count("expected") - row.count("delivered") for row in ours)
    return lost + sum(row.count(name) for row in ours for name in counts)


DAPHNE = "daphne+core"
REDIS = [name for name, stack in STACKS.items() if stack.layer.broker is brokers.REDIS]
PUBSUB = [name for name, stack in STACKS.items() if stack.layer is channel_layers.PUBSUB]
PEERS = ("daphne", "uvicorn", "uvicorn-websockets", "hypercorn", "granian")
DEFLATE = "permessage-deflate offered"
SINGLE, FEW, MANY = "500 groups of 1", "50 groups of 10", "5,000 groups, each in 100"
LARGE = "2 groups of 100"
SLOW = "100 messages a second"
THREADS = (f"{BRIDGE}-threads16",)
THREAD = "from a thread"

WRONG = Target("all", "messages and connections of ours that went wrong", 0, wrong)

#: What a message of a group with history may cost, of one without. A handler that needs its
#: consumer runs for each member; others run once for all, and a delivery is next to nothing then.
HISTORY_TARGETS = tuple(
    Target(
        scenario,
        f"CPU with history, of that without{case and ', '}{case}",
        1.2,
        cpu(scenario, case, with_history) / cpu(scenario, case, without),
    )
    for scenario, case, without, with_history in (
        ("fanout", "", BRIDGE, HISTORY),
        ("fanout", OWN, BRIDGE, HISTORY),
        ("many-groups", FEW, BRIDGE, HISTORY),
        ("shared", "20 groups of 10", BRIDGE, HISTORY),
        ("shared", LARGE, BRIDGE, HISTORY),
        ("cross", "one worker", BRIDGE, HISTORY),
        ("cross", "two workers", f"{BRIDGE}-w2", f"{BRIDGE}-w2+history"),
        ("outside", "from a thread", BRIDGE, HISTORY),
        ("outside", "from a view", BRIDGE, HISTORY),
    )
)

TARGETS = (
    WRONG,
    Target("fanout", "CPU of Daphne + core", 1 / 50, cpu("fanout") / cpu("fanout", "", DAPHNE)),
    Target(
        "fanout", "CPU of the best with Redis", 1 / 25, cpu("fanout") / cpu("fanout", "", *REDIS)
    ),
    Target(
        "fanout",
        "CPU of bare picows, which forwards frames",
        1.4,
        cpu("fanout") / cpu("fanout", "", "picows-frames"),
    ),
    Target(
        "many-groups",
        "CPU of Daphne + core, 500 groups",
        1 / 30,
        cpu("many-groups", SINGLE) / cpu("many-groups", SINGLE, DAPHNE),
    ),
    Target(
        "many-groups",
        "CPU of the best with Redis, 500 groups",
        1 / 10,
        cpu("many-groups", SINGLE) / cpu("many-groups", SINGLE, *REDIS),
    ),
    Target(
        "many-groups",
        "CPU at 5,000 groups, of that at 50",
        1.15,
        cpu("many-groups", MANY) / cpu("many-groups", FEW),
    ),
    Target(
        "shared",
        "CPU of bare picows, groups of 100",
        1.2,
        cpu("shared", LARGE) / cpu("shared", LARGE, "picows-frames"),
    ),
    Target("echo", "CPU of the best peer", 1 / 2.5, cpu("echo") / cpu("echo", "", *PEERS)),
    *(
        Target(
            scenario,
            f"CPU of messages that are {COMPRESSED}, of that of others",
            limit,
            cpu(scenario, COMPRESSED) / cpu(scenario),
        )
        for scenario, limit in (("echo", 1.35), ("fanout", 1.1))
    ),
    Target("large", "CPU of picows", 1.15, cpu("large") / cpu("large", "", "picows")),
    *(
        Target(
            "pages",
            f"CPU of uvicorn's, {case}",
            1.0,
            cpu("pages", case) / cpu("pages", case, "uvicorn"),
        )
        for case in ("a plain view", "a template and a session")
    ),
    Target("idle", "KiB per connection", 16, kib("")),
    Target("idle", "KiB per connection, deflate offered", 16, kib(DEFLATE)),
    Target(
        "idle",
        "MiB of the process above uvicorn's",
        15,
        Figure("base_mib", "idle") - Figure("base_mib", "idle", "", ("uvicorn",)),
    ),
    Target(
        "cross",
        "CPU on two workers, of that on one",
        1.3,
        cpu("cross", "two workers", f"{BRIDGE}-w2") / cpu("cross", "one worker"),
    ),
    *(
        Target(
            "outside",
            f"CPU of channels_redis, {case}",
            1 / 10,
            cpu("outside", case) / cpu("outside", case, *REDIS),
        )
        for case in ("from a thread", "from a view")
    ),
    *(
        Target(
            "outside",
            f"CPU of channels_redis without asgiref's loop, {case}",
            limit,
            of_best_without_loop(case),
        )
        for case, limit in ((THREAD, 0.35), ("from 8 threads", 0.2))
    ),
    Target(
        "outside",
        "CPU of channels_redis, by group_send",
        0.2,
        cpu("outside", "by group_send") / cpu("outside", THREAD, *REDIS),
    ),
    Target(
        "outside",
        "CPU of channels_redis, by group_send_many to 1,000 groups",
        0.02,
        cpu("outside", "by group_send_many, to 1,000 groups") / cpu("outside", THREAD, *REDIS),
    ),
    *(
        Target(
            "connect",
            f"CPU of {peer}'s, {case}",
            limit,
            cpu("connect", case) / cpu("connect", case, peer),
        )
        for case, peer, limit in (
            ("a session's user", "uvicorn", 0.65),
            ("a session's user", "granian", 1),
            ("no session", "uvicorn", 0.45),
        )
    ),
    Target("sync", "CPU of Daphne + core", 1 / 50, cpu("sync") / cpu("sync", "", DAPHNE)),
    Target(
        "sync",
        "ms that a consumer which sleeps delays others, 16 threads",
        50,
        Figure("max_ms", "sync", "one sleeps", THREADS),
    ),
    Target(
        "latency",
        "p99 of Daphne + core's, at half of each one's capacity",
        1 / 5,
        Figure("p99_ms", "latency") / Figure("p99_ms", "latency", "", (DAPHNE,)),
    ),
    Target(
        "latency",
        "p99 of picows', 100 messages a second",
        1.3,
        Figure("p99_ms", "latency", SLOW) / Figure("p99_ms", "latency", SLOW, ("picows",)),
    ),
    *(
        Target(
            "latency",
            f"ms of the longest pause beside {others}",
            20,
            Figure("max_ms", "latency", f"beside {others}"),
        )
        for others in (
            "9,500 idle connections",
            "9,500 that come and go, and leave cycles",
        )
    ),
    *(
        Target(
            "cross",
            f"CPU on two workers and {nodes} of NATS, of that on one worker",
            1.2,
            cpu("cross", "two workers", f"{BRIDGE}-w2+{layer}") / cpu("cross", "one worker"),
        )
        for layer, nodes in (("nats", "one node"), ("nats3", "three nodes"))
    ),
    *(
        Target(
            "outside",
            f"CPU of channels_redis pubsub, with NATS, {case}",
            1 / 3,
            cpu("outside", case, NATS) / cpu("outside", case, *PUBSUB),
        )
        for case in ("from a thread", "from a view")
    ),
    *HISTORY_TARGETS,
)
