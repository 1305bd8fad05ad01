"""Nodes are killed, and fall silent."""

from __future__ import annotations

from dataclasses import replace

from compat_tests.groups.nats.faults.plots import plot
from compat_tests.groups.nats.faults.scene import Scene


@plot(nodes=3)
def node_killed_in_turn(scene: Scene) -> None:
    """Each of three nodes is killed in turn under load, and started again after a while."""
    begin(scene)
    for _ in range(scene.length.rounds):
        for node in scene.nodes:
            node.kill()
            scene.last(scene.length.outage)
            scene.catch_up()
            node.start()
            scene.cluster.await_ready()
            scene.catch_up()


@plot(nodes=1)
def only_node_killed(scene: Scene) -> None:
    """The only node is killed under load, and started again after a while."""
    begin(scene)
    for _ in range(scene.length.rounds):
        scene.nodes[0].kill()
        scene.last(scene.length.outage)
        scene.nodes[0].start()
        scene.catch_up()


@plot(nodes=3)
def two_nodes_killed(scene: Scene) -> None:
    """Two of three nodes are killed at once under load, and started again after a while."""
    begin(scene)
    for number in range(scene.length.rounds):
        gone = [scene.nodes[number % 3], scene.nodes[(number + 1) % 3]]
        for node in gone:
            node.kill()
        scene.last(scene.length.outage)
        scene.catch_up()
        for node in gone:
            node.start()
        scene.cluster.await_ready()
        scene.catch_up()


@plot(nodes=3)
def all_nodes_killed(scene: Scene) -> None:
    """All three nodes are killed at once under load, and started again after a while."""
    begin(scene)
    for _ in range(scene.length.rounds):
        for node in scene.nodes:
            node.kill()
        scene.last(scene.length.outage)
        for node in scene.nodes:
            node.start()
        scene.cluster.await_ready()
        scene.catch_up()


@plot(nodes=3)
def node_ended(scene: Scene) -> None:
    """One of three nodes is ended under load, as for an update, and started again."""
    begin(scene)
    for node in scene.nodes[: scene.length.rounds]:
        node.stop()
        scene.catch_up()
        node.start()
        scene.cluster.await_ready()
        scene.catch_up()


@plot(nodes=3)
def node_stopped(scene: Scene) -> None:
    """One of three nodes is silent under load, as a host that vanished, while data waits for it."""
    begin(scene)
    scene.nodes[0].pause()
    scene.last(scene.length.silence)
    scene.nodes[0].resume()
    scene.catch_up()


@plot(nodes=3, text="max_payload: 64KB")
def node_killed_under_large_messages(scene: Scene) -> None:
    """Messages are larger than nodes take, so that they go in pieces; each node is killed."""
    scene.length = replace(scene.length, size=200_000, rate=20, batch=2)
    node_killed_in_turn(scene)


def begin(scene: Scene) -> None:
    """Three actors listen, one on each node; two of them talk as well."""
    scene.cast(speakers=2, listeners=3)
    scene.talk()
