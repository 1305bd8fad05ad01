"""The command line of the benchmark."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable
from pathlib import Path

from channels_bridge.bench.loads.scenarios import SCENARIOS
from channels_bridge.bench.own_project import NAMES
from channels_bridge.bench.stacks.stack import STACKS

PROGRAM = "python -m channels_bridge.bench"
DESCRIPTION = """\
Measure servers side by side on this machine: one application, rounds in turn, medians.

Without options, all scenarios run on the stacks that they are about. With --app, your own project
is measured, under Daphne and websockets_server or the stacks you name: a server's name alone runs
the project with its own CHANNEL_LAYERS. Its scenarios are app (the default), latency, connect and
idle.
"""


def parser() -> ArgumentParser:
    """All options of the command."""
    parser = ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog="Scenarios:\n" + "\n".join(f"  {s.name}: {s.question}" for s in SCENARIOS.values()),
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_run(parser, [NAMES[0], *SCENARIOS])
    add_project(parser)
    add_connections(parser)
    add_messages(parser)
    return parser


def add_run(parser: ArgumentParser, scenarios: Iterable[str]) -> None:
    """Options for what is measured, for how long, and where the figures go."""
    parser.add_argument(
        "--scenario", action="append", choices=[*scenarios, "all"], help="repeatable (default: all)"
    )
    parser.add_argument(
        "--stacks", nargs="+", choices=STACKS, metavar="NAME", help=f"of {', '.join(STACKS)}"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of each stack (default: 3)")
    parser.add_argument(
        "--warmup", type=float, default=1.0, metavar="SECONDS", help="not measured (default: 1)"
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="measured in each round (default: 3)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the figures there, as SVG")


def add_project(parser: ArgumentParser) -> None:
    """Options for a user's project as a whole."""
    own = parser.add_argument_group("your own project")
    own.add_argument("--app", metavar="MODULE:NAME", help="the ASGI application to measure")
    own.add_argument(
        "--settings", metavar="MODULE", help="its settings (default: DJANGO_SETTINGS_MODULE)"
    )
    own.add_argument(
        "--pid",
        action="append",
        type=int,
        default=[],
        help="a process whose CPU time counts, too, such as your broker; repeatable",
    )


def add_connections(parser: ArgumentParser) -> None:
    """Options for the clients of a user's project, and where they connect."""
    own = parser.add_argument_group("your own project: connections")
    own.add_argument(
        "--path",
        default="/",
        help="where WebSockets connect; {group} becomes 0, 1, ... (default: /)",
    )
    own.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="sent when connecting, such as a session's cookie; repeatable",
    )
    own.add_argument(
        "--deflate",
        action="store_true",
        help="clients offer permessage-deflate, and compress each message where the server agrees, "
        "as browsers do",
    )
    own.add_argument("--connections", type=int, default=200, help="in all (default: 200)")
    own.add_argument(
        "--groups",
        type=int,
        default=20,
        help="how many groups these are in; as many as connections for an echo (default: 20)",
    )


def add_messages(parser: ArgumentParser) -> None:
    """Options for the messages of a user's project."""
    own = parser.add_argument_group("your own project: messages")
    own.add_argument(
        "--message",
        action="append",
        metavar="TEXT",
        help="sent by one member of each group; {id} becomes a text by which the message is known "
        "when it comes back to the group, {group} the group's number; repeatable: sent in turn",
    )
    own.add_argument(
        "--size",
        type=int,
        default=64,
        metavar="BYTES",
        help="the length of the text that {id} becomes (default: 64)",
    )
    own.add_argument(
        "--window", type=int, default=2, help="messages in flight in each group (default: 2)"
    )


def parse(arguments: list[str]) -> Namespace:
    """Read the command line; ends the process where it makes no sense."""
    commands = parser()
    options = commands.parse_args(arguments)
    if fault := find_fault(options):
        commands.error(fault)
    return options


def find_fault(options: Namespace) -> str:
    """What is wrong with options that do not fit together; "" if nothing is."""
    known = {*(NAMES if options.app else SCENARIOS), "all"}
    if wrong := [name for name in options.scenario or () if name not in known]:
        return f"--scenario {wrong[0]} {'does not go' if options.app else 'goes'} with --app"
    if not options.app:
        return ""
    if not any("{id}" in message for message in options.message or ()):
        return "--app needs a --message with {id} in it"
    if not (options.settings or os.environ.get("DJANGO_SETTINGS_MODULE")):
        return "--app needs --settings, or DJANGO_SETTINGS_MODULE"
    if options.connections % options.groups:
        return "--connections must be a multiple of --groups"
    return ""
