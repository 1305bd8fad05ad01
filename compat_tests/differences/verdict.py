"""Compares the outcomes of a scenario: ours with Daphne's and uvicorn's, and 1 worker with 2."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from compat_tests.differences.run import Outcome
from compat_tests.differences.scenario import OURS, PEERS, Like, Own, Scenario


class Kind(enum.Enum):
    IDENTICAL = "identical on all servers"
    BETTER = "like the better one where Daphne and uvicorn differ"
    DELIBERATE = "different from both on purpose"


def kind(scenario: Scenario) -> Kind:
    if any(isinstance(choice, Own) for choice in scenario.choices):
        return Kind.DELIBERATE
    return Kind.BETTER if scenario.choices else Kind.IDENTICAL


def judge(scenario: Scenario, outcomes: dict[str, Outcome]) -> Iterator[str]:
    """What is not as the scenario says; nothing if all is well."""
    chosen = {aspect: choice for choice in scenario.choices for aspect in aspects(choice)}
    seen = [outcome.keys() for outcome in outcomes.values()]
    for aspect in dict.fromkeys([*chosen, *(name for names in seen for name in names)]):
        values = {name: outcomes[name].get(aspect) for name in (*PEERS, *OURS)}
        ours = values["bridge-1"]
        if values["bridge-2"] != ours:
            yield f"{aspect}: {ours} with 1 worker, {values['bridge-2']} with 2"
        complaint = _complaint(aspect, values, chosen.get(aspect))
        if complaint:
            yield f"{aspect}: {complaint}; {values}"


def aspects(choice: Like | Own) -> list[str]:
    return choice.aspects.split(", ") if isinstance(choice, Like) else list(choice.outcome)


def _complaint(aspect: str, values: Outcome, choice: Like | Own | None) -> str:
    """What is wrong with one aspect, if anything."""
    daphne, uvicorn, ours = (values[name] for name in ("daphne", "uvicorn", "bridge-1"))
    match choice:
        case None if not daphne == uvicorn == ours:
            return "not the same, and the scenario makes no choice"
        case Like(peer=peer) if daphne == uvicorn:
            return f"like {peer}, says the scenario, but both peers are the same"
        case Like(peer=peer) if ours != values[peer]:
            return f"not like {peer}"
        case Own(outcome=expected) if ours != expected[aspect]:
            return f"not {expected[aspect]}"
        case Own() if ours in (daphne, uvicorn):
            return "a difference from both, says the scenario, but there is none"
    return ""
