"""Figures for README and guide: ``python -m compat_tests.bench.documents FILE... --fill FILE``.

Reads what ``--json`` of one or several runs wrote; several are taken as the rounds of one. Prints
the tables and the project's targets, and fills documents that have marks for them.
"""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from channels_bridge.bench.report import chart, printed
from channels_bridge.bench.report.results import Results
from channels_bridge.bench.report.tables import names, table, title
from compat_tests.bench import targets
from compat_tests.bench.summary import summary


def main() -> None:
    parser = ArgumentParser(
        prog="python -m compat_tests.bench.documents",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what --json wrote")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the figures there, as SVG")
    add_fill(parser)
    options = parser.parse_args()
    results = read(options.files)
    print("\n".join(printed.header(results)))
    print(text(results))
    if options.chart:
        options.chart.write_text(chart.draw(results))
    fill_all(options.fill, results)


def add_fill(parser: ArgumentParser) -> None:
    """The option that names documents."""
    parser.add_argument(
        "--fill",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="put the figures into this document, between its marks; repeatable",
    )


def read(files: Iterable[Path]) -> Results:
    """The rounds of one or several runs, as those of one."""
    first, *later = [Results.from_json(file.read_text()) for file in files]
    for run in later:
        append(first, run)
    return first


def append(results: Results, later: Results) -> None:
    """Add the rounds of a later run; the header names what differs for both."""
    for name, value in later.header.items():
        if value not in results.header.get(name, ""):
            results.header[name] = "; ".join(filter(None, (results.header.get(name), value)))
    for row in later:
        for round in row.rounds:
            results.add(row.scenario, row.case, row.stack, round)


def text(results: Results) -> str:
    """All tables, what the load generator could take, and the targets."""
    return "\n".join([printed.text(results), "", *targets.lines(results)])


def fill_all(documents: Iterable[Path], results: Results) -> None:
    """Put what was measured into documents."""
    for document in documents:
        document.write_text(fill(document.read_text(), results))


def fill(document: str, results: Results) -> str:
    """Return a document with what was measured between the marks that it has for it."""
    for name, part in PARTS.items():
        before, mark, rest = document.partition(f"<!-- bench {name} -->\n")
        if mark:
            _, end, after = rest.partition("<!-- /bench -->\n")
            document = f"{before}{mark}\n{part(results)}\n\n{end}{after}"
    return document


def origin(results: Results) -> str:
    """The header as a Markdown list."""
    return "\n".join(f"- {line}" for line in printed.header(results))


def every_table(results: Results) -> str:
    """All tables as Markdown, each under its question."""
    parts = [f"**{title(name)}**\n\n{table(results, name)}" for name in names(results)]
    return "\n\n".join([*parts, *printed.ceiling(results)])


def verdicts(results: Results) -> str:
    """The targets as a Markdown list."""
    return "\n".join(f"- {line}" for line in targets.lines(results))


#: What documents have marks for.
PARTS: Mapping[str, Callable[[Results], str]] = {
    "origin": origin,
    "summary": summary,
    "tables": every_table,
    "targets": verdicts,
}


if __name__ == "__main__":
    main()
