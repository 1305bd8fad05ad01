"""The rules together: their places in the guide, and the differences that they are about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from channels_bridge.migrate.difference_rules import DIFFERENCES, rules_of
from channels_bridge.migrate.model.rule import Rule, Severity
from channels_bridge.migrate.rule_book import FINDERS, all_rules

GUIDE = Path(__file__).resolve().parents[2] / "migration_guide"
RULES = list(all_rules().values())
ROWS = re.findall(
    r"^\| (?!before|over a hub)([^|]+?) \|", (GUIDE / "differences.md").read_text(), re.MULTILINE
)


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as the site and GitHub make them."""
    headings = re.findall(r"^#+ (.*)$", (GUIDE / page).read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_ids_occur_once() -> None:
    """An id means one rule, whichever finders look for it."""
    rules = {rule for finder in FINDERS for rule in finder.rules}
    assert len(rules) == len(RULES) > 40


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule(rule: Rule) -> None:
    """A rule says in a line what it finds, in sentences why, and where the guide has more."""
    page, _, anchor = rule.guide.partition("#")
    assert (GUIDE / page).is_file() and (not anchor or anchor in anchors(page))
    assert re.fullmatch(r"CB\d{3}", rule.id) and len(rule.summary) < 90
    assert rule.explanation.endswith(".")


@pytest.mark.parametrize("row", ROWS)
def test_difference(row: str) -> None:
    """Each difference has rules, or says why it has none."""
    [entry] = [entry for start, entry in DIFFERENCES.items() if row.startswith(start)]
    assert set(rules_of(entry)) <= set(all_rules())


def test_differences_exist() -> None:
    """None is left of a row that is gone."""
    assert len(ROWS) > 60
    assert [start for start in DIFFERENCES if not any(row.startswith(start) for row in ROWS)] == []


def test_guide_has_all_rules() -> None:
    """The guide's table is the rule book's; to be copied from where the test shows it."""
    lines = [f"| {rule.id} | {rule.severity.value} | {rule.summary} |" for rule in RULES]
    table = "\n".join(["| rule | | finds |", "|---|---|---|", *lines, ""])
    assert f"\n{table}" in (GUIDE / "migrate.md").read_text(), table


def test_severities_are_explained() -> None:
    """The guide says what the letters mean."""
    text = (GUIDE / "migrate.md").read_text()
    assert all(f"| {severity.value} | " in text for severity in Severity)
