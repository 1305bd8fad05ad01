"""Nodes and links are well. Those who use them stop, are slow, are killed, or leave at once."""

from __future__ import annotations

from dataclasses import replace

from compat_tests.groups.nats.faults.plots import plot
from compat_tests.groups.nats.faults.plots.nodes import begin
from compat_tests.groups.nats.faults.scene import Scene

#: What a node keeps for a client that does not read, before it cuts it off.
LITTLE = "max_payload: 64KB, max_pending: 256KB"

#: The same: twice what senders may have on its way to one receiver that asks for what it missed.
SOME = "max_payload: 64KB, max_pending: 1MB"

#: Seconds for which senders keep what they sent, where more than that is tried.
SHORT_WHILE = {"keep_seconds": 1}

#: Bytes of a message, where buffers of the system must run over, and how many a second each speaker
#: says: in all pauses less than the bytes that a sender keeps.
LARGE = 10_000
UNHURRIED = 200

#: Seconds that a slow reader takes for a message.
SLOW = 0.001

#: Seconds for which a listener is stopped at most, where senders keep what they sent for longer.
LONG_PAUSE = 8.0


@plot(nodes=3)
def listener_stopped(scene: Scene) -> None:
    """One of three listeners is stopped, for less than senders keep what they sent."""
    begin(scene)
    scene.listeners[2].pause()
    scene.last(min(scene.length.silence / 3, LONG_PAUSE))
    scene.listeners[2].resume()
    scene.catch_up()


@plot(nodes=3, text=SOME)
def listener_cut_off(scene: Scene) -> None:
    """A listener is stopped, and its node cuts it off as it keeps no more for it."""
    begin_large(scene)
    scene.listeners[2].pause()
    scene.last(min(scene.length.silence, LONG_PAUSE))
    scene.listeners[2].resume()
    scene.catch_up()


@plot(nodes=3, text=LITTLE, config=SHORT_WHILE, loses=True)
def listener_stopped_for_too_long(scene: Scene) -> None:
    """A listener is stopped for longer than senders keep what they sent, and is cut off."""
    begin_large(scene)
    scene.listeners[2].pause()
    scene.last(scene.length.silence)
    scene.listeners[2].resume()
    scene.catch_up()


@plot(nodes=3, text=SOME)
def slow_listener(scene: Scene) -> None:
    """A listener that reads slowly was cut off, and is sent again what it missed."""
    begin_large(scene, rate=UNHURRIED / 2, seconds_each=SLOW)
    scene.listeners[2].pause()
    scene.last(min(scene.length.silence, LONG_PAUSE / 2))
    scene.listeners[2].resume()
    scene.catch_up()


@plot(nodes=3, loses=True)
def speaker_killed(scene: Scene) -> None:
    """One who talks is killed, and another one who talked as well goes on."""
    begin(scene)
    for _ in range(scene.length.rounds):
        scene.call("victim", 0)
        scene.talk()
        scene.catch_up()
        scene.players[-1].kill()
        scene.catch_up()


@plot(nodes=3)
def command_ends_at_once(scene: Scene) -> None:
    """Commands send to a group, one message after the other, and end at once."""
    scene.cast(speakers=0, listeners=3)
    for number in range(2 * scene.length.rounds):
        scene.run_command(number)
        scene.catch_up()


@plot(nodes=3, loses=True)
def node_killed_after_a_command(scene: Scene) -> None:
    """A node is killed right after a command which sent by it has ended."""
    scene.cast(speakers=0, listeners=3)
    for number in range(scene.length.rounds):
        command = scene.run_command(number)
        node = scene.nodes[number % 3]
        node.kill()
        command.lacks_end = True
        node.start()
        scene.cluster.await_ready()


@plot(nodes=3)
def joins(scene: Scene) -> None:
    """Somebody joins groups; as soon as one is joined, something is said to it on another node."""
    topics = [f"join.{number}" for number in range(scene.length.joins)]
    joiner = scene.call("joiner", 0, topics)
    scene.listeners.append(joiner)
    scene.own_too = True
    joiner.ask("join_in_turn", scene.config(1))


def begin_large(scene: Scene, *, rate: float = UNHURRIED, seconds_each: float = 0) -> None:
    """Let two of three actors talk, with messages that fill buffers."""
    scene.length = replace(scene.length, size=LARGE, rate=rate)
    scene.cast(speakers=2, listeners=3, seconds_each=seconds_each)
    scene.talk()
