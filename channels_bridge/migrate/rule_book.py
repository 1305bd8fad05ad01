"""All rules, and the finders that look for what they are about."""

from __future__ import annotations

from channels_bridge.migrate.model.rule import Finder, Rule

#: In the order in which they look; each rule has one.
FINDERS: tuple[Finder, ...] = ()


def all_rules() -> dict[str, Rule]:
    """Return each rule by its id, in the order of these."""
    rules = [rule for finder in FINDERS for rule in finder.rules]
    return {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
