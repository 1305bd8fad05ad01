"""The command line of the migration tool, and its table in pyproject.toml."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from channels_bridge.migrate.model.migrate_options import LAYERS, MigrateOptions

PROGRAM = "python -m channels_bridge.migrate"
FORMATS = ("text", "json", "sarif", "github")
TABLE = "[tool.channels_bridge.migrate]"

DESCRIPTION = """\
Read a Channels project and say what stands between it and this server. The project is
not imported, nothing of it is run, and nothing is written without --write.
"""

EPILOG = """\
Exit code: 0 if nothing is to be done, or all was done; 1 if something is left;
2 if the command line is wrong or PROJECT is not a Channels project;
3 if a file that matters could not be read.
"""

_RULES = re.compile(r"CB\d{0,3}", re.ASCII)


def parser() -> ArgumentParser:
    """All options."""
    parser = ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "project", nargs="?", type=Path, metavar="PROJECT", help="directory of the project"
    )
    _add_modes(parser)
    _add_choices(parser)
    _add_rules(parser)
    return parser


def _add_modes(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what to do")
    modes = group.add_mutually_exclusive_group()
    modes.add_argument(
        "--write", action="store_true", help="make the changes that are certain (git tree: clean)"
    )
    modes.add_argument("--check", action="store_true", help="leave out the diff, for CI")
    modes.add_argument(
        "--diff", action="store_true", help="print nothing but the diff, for git apply"
    )
    group.add_argument(
        "--force", action="store_true", help="write although git has uncommitted changes"
    )
    group.add_argument(
        "--format", choices=FORMATS, default="text", help="of the report (default: text)"
    )


def _add_choices(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what to write")
    group.add_argument(
        "--layer",
        choices=LAYERS,
        default="auto",
        help="channel layer that takes the place of Redis. auto: grpc if Redis is on this machine "
        "and nothing shows that groups leave it, otherwise keep (default: auto)",
    )
    group.add_argument(
        "--workers", type=_workers, metavar="N", help="workers in start commands; 0: one per core"
    )
    group.add_argument("--bind", metavar="ADDRESS", help="address in start commands")
    group.add_argument(
        "--requirement",
        metavar="LINE",
        help="requirement to add to requirements files, such as the path of a wheel",
    )
    group.add_argument(
        "--remove",
        action="store_true",
        help="take Daphne and channels_redis out of requirements files, if nothing imports them",
    )


def _add_rules(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("rules")
    for name, text in ("select", "rules that count: CB1,CB203"), ("ignore", "rules that do not"):
        group.add_argument(
            f"--{name}", type=rule_names, action="extend", default=[], metavar="RULES", help=text
        )
    group.add_argument("--list-rules", action="store_true", help="list all rules")
    group.add_argument("--explain", metavar="RULE", help="say why a rule exists and what to do")


def rule_names(text: str) -> list[str]:
    """Read ids of rules, or their beginnings, with commas.

    Raises:
        ArgumentTypeError: one does not look like that.
    """
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    for name in names:
        if not _RULES.fullmatch(name):
            raise ArgumentTypeError(f"{name!r} is not a rule; write CB101, or CB1 for all CB1xx")
    return names


def _workers(text: str) -> int:
    if not re.fullmatch("[0-9]+", text, re.ASCII):
        raise ArgumentTypeError(f"the number of workers must be 0 (one per core) or more: {text!r}")
    return int(text)


def options_from(arguments: Namespace, ignored: Iterable[str]) -> MigrateOptions:
    """Return what the command line says, with what pyproject.toml ignores."""
    return MigrateOptions(
        layer=arguments.layer,
        workers=arguments.workers,
        bind=arguments.bind,
        requirement=arguments.requirement,
        remove=arguments.remove,
        select=tuple(arguments.select),
        ignore=(*arguments.ignore, *ignored),
    )


def ignored_by(pyproject: Path) -> list[str]:
    """Return the rules that a pyproject.toml ignores; it need not exist.

    Raises:
        ValueError: the table has something else in it, or the file cannot be read.
    """
    if not pyproject.is_file():
        return []
    if sys.version_info < (3, 11):
        return _ignored_without_parser(pyproject.read_text("utf-8"))
    import tomllib

    tool = tomllib.loads(pyproject.read_text("utf-8")).get("tool", {})
    return _ignored(tool.get("channels_bridge", {}).get("migrate", {}))


def _ignored(table: dict[str, Any]) -> list[str]:
    names = table.get("ignore", [])
    if set(table) - {"ignore"}:
        raise ValueError(f"{TABLE} has one key, ignore, not {', '.join(map(repr, table))}")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f'{TABLE} ignore must be a list of rules, such as ["CB404"]')
    try:
        return [name for text in names for name in rule_names(text)]
    except ArgumentTypeError as error:
        raise ValueError(f"{TABLE} ignore: {error}") from None


def _ignored_without_parser(text: str) -> list[str]:
    """Read the table on Python 3.10, which has no parser of TOML.

    Raises:
        ValueError: the table is there.
    """
    if TABLE in text:
        raise ValueError(f"{TABLE} needs Python 3.11 or later; give --ignore instead")
    return []
