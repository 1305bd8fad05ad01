"""Links to what the guide says of a rule."""

from __future__ import annotations

from channels_bridge.migrate.model.rule import Rule

#: The folder of the guide in the project's repository.
GUIDE = "migration_guide"


def link(rule: Rule) -> str:
    """Return the page of a rule, with its anchor."""
    return f"{GUIDE}/{rule.guide}"
