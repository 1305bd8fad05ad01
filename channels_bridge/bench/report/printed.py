"""All that a run tells.

``python -m channels_bridge.bench.report.printed FILE...`` reads JSON again.

Several runs are taken as the rounds of one.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from channels_bridge.bench import targets
from channels_bridge.bench.report import chart
from channels_bridge.bench.report.results import Results
from channels_bridge.bench.report.tables import label, names, summary, table, title

BUSY = 0.9  # of the generator's core, from which on a row tells more about it than about the stack


def header(results: Results) -> list[str]:
    """Where, when and with what it was measured."""
    return [f"{name}: {value}" for name, value in results.header.items()]


def text(results: Results) -> str:
    """All tables, what the load generator could take, and the targets."""
    parts = [f"\n{title(name)}\n\n{table(results, name)}" for name in names(results)]
    return "\n".join([*parts, "", *ceiling(results), "", *targets.lines(results)])


def ceiling(results: Results) -> list[str]:
    """What the load generator could take, and where it was busy with less."""
    lines = []
    floor = results.row("fanout", "", "picows-frames")
    if floor and (cost := floor.median("generator_us")):
        lines.append(
            f"The load generator needs {cost:.1f} us for a delivery that costs the barest server "
            f"{floor.median('cpu_us'):.1f}: it could take {1e6 / cost:,.0f}/s."
        )
    busy = {label(row): row.median("generator_busy") or 0.0 for row in results}
    lines += [
        f"The load generator was {share:.0%} busy: {name} may be faster than shown."
        for name, share in busy.items()
        if share > BUSY
    ]
    return lines


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
    return "\n".join(f"- {line}" for line in header(results))


def every_table(results: Results) -> str:
    """All tables as Markdown, each under its question."""
    parts = [f"**{title(name)}**\n\n{table(results, name)}" for name in names(results)]
    return "\n\n".join([*parts, *ceiling(results)])


def verdicts(results: Results) -> str:
    """The targets as a Markdown list."""
    return "\n".join(f"- {line}" for line in targets.lines(results))


#: What documents have marks for.
PARTS: dict[str, Callable[[Results], str]] = {
    "origin": origin,
    "summary": summary,
    "tables": every_table,
    "targets": verdicts,
}


def read(files: Iterable[Path]) -> Results:
    """What one or several runs wrote."""
    first, *later = [Results.from_json(file.read_text()) for file in files]
    for run in later:
        first.append(run)
    return first


def main(arguments: Sequence[str] | None = None) -> None:
    parser = ArgumentParser(
        prog="python -m channels_bridge.bench.report.printed", description=__doc__
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what --json wrote")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the figures there, as SVG")
    parser.add_argument(
        "--fill",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="put the tables into this document, between its marks; repeatable",
    )
    options = parser.parse_args(arguments)
    results = read(options.files)
    print("\n".join(header(results)))
    print(text(results))
    if options.chart:
        options.chart.write_text(chart.draw(results))
    for document in options.fill:
        document.write_text(fill(document.read_text(), results))


if __name__ == "__main__":
    main()
