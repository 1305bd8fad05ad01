"""The scenarios: a question each, with the loads and the stacks that answer it.

Not every stack answers every question: each case names those that do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from channels_bridge.bench.loads.case import Case, Scenario
from channels_bridge.bench.loads.loads import (
    NOTHINGS,
    Connect,
    Idle,
    Join,
    Loop,
    Outside,
    Pages,
    Rate,
    Together,
)

BRIDGE = "websockets_server"
NATS, NATS3 = f"{BRIDGE}+nats", f"{BRIDGE}+nats3"
HISTORY = f"{BRIDGE}+history"
ROOMS = "/ws/rooms/{group}/{rooms}/"
SAY_IN_ROOM = '{"room": {group}, "message": "{id}"}'
MESSAGES = ("cpu", "rate", "p50", "p99")
#: Clients offer permessage-deflate, and compress each message where the server agrees.
COMPRESSED = "compressed as by browsers"
FANOUT = Loop(200, groups=20, window=2)
#: What it sends differs from member to member, so that it can't run once for all.
OWN = "a handler that looks at its consumer"
ECHO = Loop(50, groups=50, path="/ws/echo/")
#: An odd number of groups, or all members of one would be on one of two workers: connections, which
#: take the groups in turn, are given to the workers in turn.
CROSSING = Loop(210, groups=21, window=2)
SYNC = "/ws/sync/{group}/"
#: What asgiref takes for a call of a coroutine function shows where nothing else is called so.
BESIDE_NOTHING = f"from a thread, beside {NOTHINGS} calls of nothing"
REDIS = ("uvicorn+core", "uvicorn+pubsub")
BEST = ("daphne+core", "uvicorn+core", "uvicorn+pubsub", "granian+pubsub", BRIDGE, HISTORY, NATS)


def crowd(groups: int) -> Loop:
    """500 connections in blocks of ten; the more groups, the more of them each connection is in."""
    return Loop(500, groups, rooms=groups // 50, path=ROOMS, messages=(SAY_IN_ROOM,))


ALL = (
    Scenario(
        "fanout",
        "What does it cost to bring a message to a group? 200 connections in 20 groups.",
        "delivery",
        MESSAGES,
        (
            Case(
                "",
                FANOUT,
                (
                    "daphne+core",
                    "daphne+pubsub",
                    "daphne+memory",
                    "uvicorn+core",
                    "uvicorn+pubsub",
                    "uvicorn-websockets+pubsub",
                    "uvicorn+memory",
                    "hypercorn+pubsub",
                    "granian+pubsub",
                    BRIDGE,
                    HISTORY,
                    "picows",
                    "picows-frames",
                ),
            ),
            Case(COMPRESSED, replace(FANOUT, deflate=True), ("uvicorn+pubsub", BRIDGE)),
            Case(
                OWN,
                replace(FANOUT, path="/ws/own/{group}/"),
                ("daphne+core", "uvicorn+pubsub", BRIDGE, HISTORY),
            ),
        ),
    ),
    Scenario(
        "many-groups",
        "What do many groups cost? 500 connections.",
        "delivery",
        MESSAGES,
        (
            Case("500 groups of 1", Loop(500, groups=500), BEST),
            Case("50 groups of 10", crowd(50), (BRIDGE, HISTORY)),
            Case("each in 50 groups", crowd(2_500), ("uvicorn+pubsub", BRIDGE)),
            Case("5,000 groups, each in 100", crowd(5_000), (BRIDGE, NATS)),
        ),
    ),
    Scenario(
        "in-force",
        "What do groups take, and how long until all are in force? 100,000, in 200 connections.",
        "group",
        ("in_force", "growth", "cpu"),
        (
            Case(
                "",
                Join(200, groups=100_000, rooms=500, path=ROOMS, messages=(SAY_IN_ROOM,)),
                ("uvicorn+core", "uvicorn+pubsub", BRIDGE, NATS, NATS3),
            ),
        ),
    ),
    Scenario(
        "shared",
        "What does it cost with a handler whose frames are shared? 200 connections.",
        "delivery",
        MESSAGES,
        tuple(
            Case(
                f"{groups} groups of {200 // groups}",
                Loop(200, groups=groups, window=2, path="/ws/shared/{group}/"),
                (BRIDGE, HISTORY, "picows-frames"),
            )
            for groups in (20, 2)
        ),
    ),
    Scenario(
        "echo",
        "What does a message cost without groups? 50 connections.",
        "message",
        MESSAGES,
        (
            Case(
                "",
                ECHO,
                (
                    "daphne",
                    "uvicorn",
                    "hypercorn",
                    "granian",
                    BRIDGE,
                    "picows-frames",
                ),
            ),
            Case(COMPRESSED, replace(ECHO, deflate=True), ("uvicorn", BRIDGE)),
        ),
    ),
    Scenario(
        "large",
        "What do large messages cost? 64 KiB to each of 5 members of 10 groups.",
        "delivery",
        MESSAGES,
        (
            Case(
                "",
                Loop(50, groups=10, size=64 * 1024),
                ("daphne+core", "uvicorn+pubsub", "granian+pubsub", BRIDGE, "picows"),
            ),
        ),
    ),
    Scenario(
        "connect",
        "What does a new connection cost, through AuthMiddlewareStack? 1,000 connections.",
        "connection",
        ("cpu", "rate"),
        (
            Case(
                "a session's user",
                Connect(1_000, groups=100, login=True),
                ("daphne", "uvicorn", "granian", BRIDGE),
            ),
            Case(
                "no session",
                Connect(1_000, groups=100),
                ("uvicorn", BRIDGE),
            ),
        ),
    ),
    Scenario(
        "pages",
        "What does a page cost? 20 connections, which last.",
        "page",
        MESSAGES,
        tuple(
            Case(name, load, ("daphne", "uvicorn", "granian", BRIDGE))
            for name, load in {
                "a plain view": Pages(20),
                "a template and a session": Pages(20, path="/page/session/", login=True),
            }.items()
        ),
    ),
    Scenario(
        "idle",
        "How much memory does a connection take? 2,000 connections on which nothing is said.",
        "connection",
        ("kib", "base"),
        tuple(
            Case(
                name,
                Idle(2_000, groups=200, deflate=deflate),
                ("daphne", "uvicorn", "granian", BRIDGE),
            )
            for name, deflate in {"": False, "permessage-deflate offered": True}.items()
        ),
    ),
    Scenario(
        "cross",
        "What do members on two workers cost? 210 connections in 21 groups.",
        "delivery",
        MESSAGES,
        (
            Case("one worker", CROSSING, (BRIDGE, HISTORY)),
            Case(
                "two workers",
                CROSSING,
                (
                    "uvicorn-w2+core",
                    "uvicorn-w2+pubsub",
                    f"{BRIDGE}-w2",
                    f"{BRIDGE}-w2+history",
                    f"{BRIDGE}-w2+nats",
                    f"{BRIDGE}-w2+nats3",
                ),
            ),
        ),
    ),
    Scenario(
        "outside",
        "What does a message cost that another process sends? 20 groups of one member.",
        "message",
        ("per_cpu_second", "cpu", "rate"),
        (
            *(
                Case(
                    f"from a {caller}",
                    Outside(20, groups=20, window=2, messages=(SAY_IN_ROOM,), caller=caller),
                    ("uvicorn+core", "uvicorn+pubsub", BRIDGE, HISTORY, NATS),
                )
                for caller in ("thread", "view")
            ),
            *(
                Case(
                    name,
                    Outside(20, groups=20, window=2, messages=(SAY_IN_ROOM,), caller=caller),
                    stacks,
                )
                for name, caller, stacks in (
                    (BESIDE_NOTHING, "nothing", (*REDIS, BRIDGE)),
                    ("from 8 threads", "threads", (*REDIS, BRIDGE, NATS)),
                    ("by group_send", "api", (BRIDGE, HISTORY, NATS)),
                )
            ),
            Case(
                "by group_send_many, to 1,000 groups",
                Together(
                    1_000,
                    groups=1_000,
                    messages=('{"rooms": 1000, "message": "{id}"}',),
                    caller="api",
                ),
                (BRIDGE, HISTORY, NATS),
            ),
        ),
    ),
    Scenario(
        "sync",
        "What do synchronous consumers cost, and what if one of them waits?",
        "delivery",
        (*MESSAGES, "max"),
        (
            Case(
                "",
                Loop(50, groups=5, window=2, path=SYNC),
                ("daphne+core", "uvicorn+pubsub", BRIDGE),
            ),
            Case(
                "one sleeps",
                Rate(10, groups=1, path=SYNC, rate=20, busy="/ws/sleepy/"),
                ("uvicorn+pubsub", BRIDGE, f"{BRIDGE}-threads16"),
                column="max",
            ),
        ),
    ),
    Scenario(
        "slow",
        "What if 20 of 200 clients don't read? 4 KiB messages; their copies aren't counted.",
        "delivery",
        ("rate", "cpu", "p99", "growth"),
        tuple(
            Case(
                name,
                Loop(200, groups=20, window=2, size=4096, stalled=stalled),
                ("daphne+pubsub", "uvicorn+pubsub", BRIDGE),
            )
            for name, stalled in {"all read": 0, "20 don't read": 1}.items()
        ),
    ),
    Scenario(
        "latency",
        "How late do messages come at half of what the stack manages? 200 connections, 20 groups.",
        "delivery",
        ("p99", "p50", "late", "max", "rate", "cpu"),
        (
            Case(
                "",
                Rate(200, groups=20),
                ("daphne+core", "uvicorn+pubsub", "granian+pubsub", BRIDGE, "picows"),
            ),
            Case(
                "100 messages a second",
                Rate(200, groups=20, rate=100),
                ("daphne+core", "uvicorn+pubsub", "granian+pubsub", BRIDGE, "picows"),
            ),
            Case(
                "beside 9,500 idle connections",
                Rate(200, groups=20, rate=50, idle=9_500),
                (BRIDGE,),
                column="max",
                seconds=25,
            ),
            Case(
                "beside 9,500 that come and go, and leave cycles",
                Rate(
                    200,
                    groups=20,
                    rate=50,
                    idle=9_500,
                    idle_path="/ws/cycles/",
                    turnover=100,
                ),
                (BRIDGE,),
                column="max",
                seconds=25,
            ),
        ),
    ),
)

SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in ALL}


def named(names: Sequence[str]) -> list[Scenario]:
    """The scenarios of these names, or all where one of them is "all"."""
    return [SCENARIOS[name] for name in (SCENARIOS if "all" in names else dict.fromkeys(names))]
