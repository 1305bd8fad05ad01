"""Figures for README and guide: ``python -m compat_tests.bench.documents FILE... --fill FILE``.

Reads what ``--json`` of one or several runs wrote; several are taken as the rounds of one. Prints
the tables and the project's targets, and fills documents that have marks for them. The summary,
of which README has a part, needs three rounds of three seconds of each row.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from channels_bridge.bench.report import chart, printed
from channels_bridge.bench.report.results import Results
from channels_bridge.bench.report.tables import names, table, title
from compat_tests.bench import history_compared, layers_compared, summary, targets


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
    fill_all(options.fill, results, options.part or PARTS)


def add_fill(parser: ArgumentParser) -> None:
    """The options that name documents, and which of their parts are filled."""
    parser.add_argument(
        "--fill",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="put the figures into this document, between its marks; repeatable",
    )
    parser.add_argument(
        "--part",
        action="append",
        choices=PARTS,
        help="fill this part alone, where a run has the figures for no other; repeatable",
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


def fill_all(documents: Iterable[Path], results: Results, parts: Iterable[str]) -> None:
    """Put what was measured into documents, where they have marks for these parts.

    Raises:
        SystemExit: something would be told in short that was not measured for long enough.
    """
    documents, parts = list(documents), list(parts)
    is_told = not SUMMARIES.isdisjoint(parts)
    if documents and is_told and (found := summary.unsteady(results)):
        sys.exit(
            f"--fill: the summary needs {summary.ROUNDS} rounds of {summary.SECONDS:g} seconds at "
            f"least, of one run or of several; too few are there of: {'; '.join(found)}"
        )
    for document in documents:
        document.write_text(fill(document.read_text(), results, parts))


def fill(document: str, results: Results, parts: Iterable[str]) -> str:
    """Return a document with what was measured between the marks that it has for these parts."""
    for name in parts:
        before, mark, rest = document.partition(f"<!-- bench {name} -->\n")
        if mark:
            _, end, after = rest.partition("<!-- /bench -->\n")
            document = f"{before}{mark}\n{PARTS[name](results)}\n\n{end}{after}"
    return document


def every_table(results: Results) -> str:
    """The tables as Markdown, each under its question, but for those that are about layers.

    What was measured with history has a section of its own.
    """
    told = history_compared.left_out(results)
    parts = [
        f"**{title(name)}**\n\n{table(told, name)}"
        for name in names(told)
        if name not in layers_compared.ABOUT_LAYERS
    ]
    return "\n\n".join([*parts, *printed.ceiling(results)])


def verdicts(results: Results) -> str:
    """The targets as a Markdown list."""
    aimed = targets.of(lambda name: name not in layers_compared.ABOUT_LAYERS)
    return "\n".join(f"- {line}" for line in targets.lines(results, aimed))


#: What is told without the rounds behind it.
SUMMARIES = {"summary", "summary in short"}

#: What documents have marks for.
PARTS: Mapping[str, Callable[[Results], str]] = {
    "origin": layers_compared.origin,
    "summary": summary.summary,
    "summary in short": summary.in_short,
    "tables": every_table,
    "targets": verdicts,
    "layers": layers_compared.compared,
    "layers in full": layers_compared.in_full,
    "history": history_compared.compared,
}


if __name__ == "__main__":
    main()
