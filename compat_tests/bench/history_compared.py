"""What history costs: each load with it beside the same load without it, in one run.

Documents have it in a section of its own, as what is compared has to be of one run: that takes a
few minutes.
"""

from __future__ import annotations

from channels_bridge.bench.report import printed
from channels_bridge.bench.report.results import Results, Row
from channels_bridge.bench.report.tables import markdown
from channels_bridge.bench.stacks.channel_layers import HISTORY
from channels_bridge.bench.stacks.stack import STACKS
from compat_tests.bench import targets

#: What a stack is called with history, behind the name that it has without.
SUFFIX = "+history"

HEADING = ["", "without, CPU us", "with history", "ratio (by round)"]


def compared(results: Results) -> str:
    """A Markdown table with a line for each load, how it was measured, and what is aimed at."""
    lines = list(filter(None, (line(results, row) for row in results if keeps_history(row))))
    aims = [f"- {each}" for each in targets.lines(results, list(targets.HISTORY_TARGETS))]
    header = [f"- {each}" for each in printed.header(results)]
    return "\n\n".join([markdown([HEADING, *lines]), "\n".join(header), "\n".join(aims)])


def line(results: Results, kept: Row) -> list[str] | None:
    """One load with history beside the same one without; None where that was not measured."""
    bare = results.row(kept.scenario, kept.case, kept.stack.removesuffix(SUFFIX))
    if bare is None:
        return None
    without, with_it = bare.median("cpu_us"), kept.median("cpu_us")
    if without is None or with_it is None:
        return None
    pairs = zip(bare.values("cpu_us"), kept.values("cpu_us"), strict=False)
    ratios = ", ".join(f"{costlier / cheaper:.2f}" for cheaper, costlier in pairs)
    what = f"{kept.scenario}, {kept.case}" if kept.case else kept.scenario
    return [what, f"{without:,.1f}", f"{with_it:,.1f}", f"{with_it / without:.2f} ({ratios})"]


def left_out(results: Results) -> Results:
    """The same results without what was measured with history."""
    others = Results(results.header)
    for row in results:
        if not keeps_history(row):
            for round in row.rounds:
                others.add(row.scenario, row.case, row.stack, round)
    return others


def keeps_history(row: Row) -> bool:
    """Whether a row was measured with history; a user's own stacks are not known here."""
    stack = STACKS.get(row.stack)
    return stack is not None and stack.layer is HISTORY
