"""What happens: each plot is a function that says in its docstring what it does to a scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compat_tests.groups.nats.faults.scene import Length, Outcome, Scene, staged

Play = Callable[[Scene], None]


@dataclass(frozen=True)
class Plot:
    """One way to fail.

    Attributes:
        name: what tables and the command line call it.
        what: what is done.
        play: does it.
        nodes: how many there are.
        links: whether it needs those between nodes.
        loses: whether more is done than the layer promises to survive: losses are declared then.
        config: CONFIG of all layers.
        text: configuration of all nodes.
    """

    name: str
    what: str
    play: Play
    nodes: int
    links: bool = False
    loses: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    def run(self, length: Length) -> Outcome:
        """Play it once, and judge."""
        with staged(
            length, self.config, nodes=self.nodes, links=self.links, text=self.text
        ) as scene:
            self.play(scene)
            return scene.settle()

    def is_well(self, outcome: Outcome) -> bool:
        """Whether this is what the layer promises; what is declared is in its statistics, too."""
        verdict = outcome.verdict
        if outcome.figures.get("missed") != verdict.declared + verdict.vague:
            return False
        return verdict.is_orderly if self.loses else verdict.is_complete


PLOTS: dict[str, Plot] = {}


def plot(**options: Any) -> Callable[[Play], Play]:
    """Enter a function into ``PLOTS``, under its name."""

    def enter(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        what = " ".join((play.__doc__ or "").split())
        PLOTS[name] = Plot(name, what, play, **options)
        return play

    return enter


def check(name: str, length: Length) -> None:
    """Play a plot once; it must end as the layer promises."""
    outcome = PLOTS[name].run(length)
    assert PLOTS[name].is_well(outcome), f"{outcome.verdict}; {outcome.figures}; {outcome.errors}"


from compat_tests.groups.nats.faults.plots import actors, links, nodes  # noqa: E402, F401
