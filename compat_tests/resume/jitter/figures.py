"""The outcomes as tables: all columns for people and for the guide, some of them for README."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from channels_bridge.bench.generator.ledger import percentile
from channels_bridge.bench.report.tables import markdown
from compat_tests.resume.jitter.profile import PROFILES
from compat_tests.resume.jitter.trial import Outcome

BEGIN, END = "<!-- jitter {} -->\n", "<!-- /jitter -->\n"

Outcomes = Mapping[str, Outcome]
"""By the names of contestants."""


def share(outcome: Outcome) -> str:
    """How much of what was published came."""
    score = outcome.score
    return f"{100 * score.delivered / max(score.expected, 1):.2f}"


def milliseconds(outcome: Outcome, percent: int) -> str:
    """How long it took to catch up."""
    ordered = sorted(outcome.score.caught_up)
    return f"{percentile(ordered, percent) * 1e3:,.0f}" if ordered else "never"


def known(count: int | None) -> str:
    """A count, if there is one."""
    return "-" if count is None else f"{count:,}"


COLUMNS: Mapping[str, Callable[[Outcome], str]] = {
    "delivered %": share,
    "duplicates": lambda outcome: known(outcome.score.duplicated),
    "out of order": lambda outcome: known(outcome.score.disordered),
    "gaps untold": lambda outcome: known(outcome.score.untold),
    "gaps told": lambda outcome: known(outcome.score.told),
    "false alarms": lambda outcome: known(outcome.score.false),
    "caught up p50 ms": lambda outcome: milliseconds(outcome, 50),
    "caught up p99 ms": lambda outcome: milliseconds(outcome, 99),
    "CPU us/delivery": lambda outcome: f"{outcome.cpu_us:,.0f}",
    "requests to hub or broker": lambda outcome: known(outcome.requests),
    "reconnected": lambda outcome: known(outcome.score.reconnected),
    "not published": lambda outcome: known(outcome.refused),
    "processes killed": lambda outcome: known(outcome.killed),
}


#: What README tells.
FIRST = (
    "delivered %",
    "duplicates",
    "out of order",
    "gaps untold",
    "gaps told",
    "false alarms",
    "caught up p99 ms",
    "CPU us/delivery",
)


def table(outcomes: Outcomes, columns: Iterable[str] = tuple(COLUMNS)) -> str:
    """A Markdown table, a line for each contestant."""
    columns = list(columns)
    rows = [["", *columns]]
    for name, outcome in outcomes.items():
        rows.append([name, *(COLUMNS[column](outcome) for column in columns)])
    return markdown(rows)


def section(profile: str, outcomes: Outcomes, notes: Iterable[str]) -> str:
    """What happened, what came of it, and what there is to know about it."""
    lines = [heading(profile), "", table(outcomes), ""]
    return "\n".join([*lines, *(f"- {note}" for note in notes)])


def in_short(profile: str, outcomes: Outcomes) -> str:
    """What happened, and what came of it first of all."""
    return f"{heading(profile)}\n\n{table(outcomes, FIRST)}"


def heading(profile: str) -> str:
    return f"**{profile}**: {PROFILES[profile].what}."


def fill(document: Path, sections: Mapping[str, str]) -> None:
    """Put sections into a document, between the marks that it has for them, by their names."""
    text = document.read_text()
    for name, content in sections.items():
        before, mark, rest = text.partition(BEGIN.format(name))
        if mark:
            after = rest.partition(END)[2]
            text = f"{before}{mark}\n{content}\n\n{END}{after}"
    document.write_text(text)
