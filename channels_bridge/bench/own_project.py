"""A user's own project, and its scenarios."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from channels_bridge.bench.loads.case import Case, Scenario
from channels_bridge.bench.loads.loads import Connect, Idle, Load, Loop, Rate
from channels_bridge.bench.loads.scenarios import BRIDGE, MESSAGES, SCENARIOS
from channels_bridge.bench.stacks.sites import Site

STACKS = ("daphne", BRIDGE)
#: Scenarios that any project can be asked; the first is the default.
NAMES = ("app", "latency", "connect", "idle")


def site(options: Namespace) -> Site:
    """The user's project, as it is."""
    settings = options.settings or os.environ["DJANGO_SETTINGS_MODULE"]
    application = options.app if ":" in options.app else f"{options.app}:application"
    return Site(application, settings, pids=tuple(options.pid))


def scenarios(options: Namespace) -> Sequence[Scenario]:
    """The user's messages, and what else can be asked of any project."""
    chosen = options.scenario or NAMES[:1]
    return [
        scenario(name, load)
        for name, load in zip(NAMES, loads(options), strict=True)
        if name in chosen or "all" in chosen
    ]


def loads(options: Namespace) -> Sequence[Load]:
    """A load for each of ``NAMES``, as the command line has it."""
    common = {
        "groups": options.groups,
        "path": options.path,
        "headers": tuple(header(line) for line in options.header),
        "deflate": options.deflate,
    }
    said = {**common, "messages": tuple(options.message), "size": options.size}
    connections = options.connections
    return (
        Loop(connections, **said, window=options.window),
        Rate(connections, **said),
        Connect(connections, **common),
        Idle(connections, **common),
    )


def scenario(name: str, load: Load) -> Scenario:
    """One question, on the user's project."""
    case = Case("", load, STACKS)
    if name == "app":
        return Scenario(
            name, "What does this project's message cost?", "delivery", MESSAGES, [case]
        )
    return replace(SCENARIOS[name], cases=[case])


def header(line: str) -> tuple[str, str]:
    """Name and value of a header, from the command line."""
    name, _, value = line.partition(":")
    return name.strip(), value.strip()
