"""``python -m compat_tests.measures``: the measures of the code, today's or beside a revision's."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from compat_tests.measures.part import Part, parts_of
from compat_tests.measures.revision import UnknownRevision, revision_files
from compat_tests.measures.table import Column, format_columns, format_comparison, format_places

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [Path("channels_bridge"), Path("compat_tests")]
#: The rows whose places are always shown: the longest functions, and the deepest.
ALWAYS = ("function: ", "nesting: ")


def main() -> int:
    """Print the table; returns 2 if git does not know the revision."""
    options = parse_arguments()
    parts = parts_of(ROOT, options.folders or FOLDERS)
    try:
        now, then = measure(ROOT, parts), measure_revision(options.against, parts)
    except UnknownRevision as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({"now": figures(now), "then": figures(then)}, indent=1))
    else:
        tables = compare(then, now, options.against) if then else format_columns(now)
        print(*tables, *places(now, every=options.places), sep="\n")
    return 0


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m compat_tests.measures", description=__doc__)
    default = " ".join(map(str, FOLDERS))
    add = parser.add_argument
    add("folders", nargs="*", type=Path, metavar="FOLDER", help=f"default: {default}")
    add("--against", metavar="REVISION", help="show a revision's measures, too, and what is worse")
    add("--places", action="store_true", help="list the places that each measure comes from")
    add("--json", action="store_true", help="print figures alone, for programs")
    return parser.parse_args()


def measure(root: Path, parts: list[Part]) -> dict[str, Column]:
    return {str(part): part.measure(root) for part in parts}


def measure_revision(revision: str | None, parts: list[Part]) -> dict[str, Column]:
    """Measure the same parts of a revision; nothing if there is none."""
    if revision is None:
        return {}
    with revision_files(ROOT, revision) as files:
        return measure(files, parts)


def compare(then: dict[str, Column], now: dict[str, Column], revision: str) -> Iterator[str]:
    for title, column in now.items():
        yield from format_comparison(title, then[title], column, revision)
        yield ""


def places(columns: dict[str, Column], every: bool) -> Iterator[str]:
    """The places that figures come from: of all rows, or of the few that are always shown."""
    for title, column in columns.items():
        shown = [row for name, row in column.items() if every or name.startswith(ALWAYS)]
        yield from format_places(title, shown)


def figures(columns: dict[str, Column]) -> dict[str, dict[str, tuple[float, ...]]]:
    return {
        title: {r.name: r.figures for r in column.values()} for title, column in columns.items()
    }


if __name__ == "__main__":
    sys.exit(main())
