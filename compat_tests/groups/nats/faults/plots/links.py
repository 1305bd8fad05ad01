"""Nodes stay, and the links between them break. Clients see nothing of it."""

from __future__ import annotations

from compat_tests.groups.nats.faults.plots import plot
from compat_tests.groups.nats.faults.plots.nodes import begin
from compat_tests.groups.nats.faults.scene import Scene

#: Messages of a burst: some on each topic.
BURST = 60

#: How often links break right after a burst, in each round.
BREAKS = 3

#: Seconds that a link is away where nothing is said meanwhile.
MOMENT = 0.2


@plot(nodes=3, links=True)
def links_cut(scene: Scene) -> None:
    """All links between three nodes break under load, again and again."""
    begin(scene)
    for _ in range(2 * scene.length.rounds):
        scene.cluster.cut()
        scene.last(scene.length.outage)
        scene.cluster.heal()
        scene.catch_up()


@plot(nodes=3, links=True)
def links_cut_after_a_burst(scene: Scene) -> None:
    """The links break right after a burst of messages, and nothing follows that shows a gap."""
    scene.cast(speakers=2, listeners=3)
    for _ in range(BREAKS * scene.length.rounds):
        for speaker in scene.speakers:
            speaker.ask("burst", BURST, scene.length.size)
        scene.cluster.cut()
        scene.last(MOMENT)
        scene.cluster.heal()
        scene.catch_up()


@plot(nodes=3, links=True)
def node_cut_off(scene: Scene) -> None:
    """One of three nodes loses its links to the others under load; its clients stay there."""
    begin(scene)
    for node in scene.nodes[: scene.length.rounds]:
        scene.cluster.cut(node)
        scene.last(scene.length.outage)
        scene.cluster.heal()
        scene.catch_up()


@plot(nodes=3, links=True)
def links_silent(scene: Scene) -> None:
    """Nothing passes between nodes for a while, as with a cable pulled; then the links break."""
    begin(scene)
    scene.cluster.silence()
    scene.last(scene.length.outage)
    scene.cluster.cut()
    scene.cluster.heal()
    scene.catch_up()
