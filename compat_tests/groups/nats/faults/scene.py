"""Nodes, actors on them, and what comes of what they say."""

from __future__ import annotations

import itertools
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compat_tests.groups.nats.faults.cast import DEADLINE, Player, ask_all, heard
from compat_tests.groups.nats.faults.verdict import Flow, Verdict, judge
from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer
from compat_tests.servers import wait_for

TOPICS = tuple(f"topic.{number}" for number in range(20))

#: Figures of a layer's connection that a table shows, summed up over all actors.
FIGURES = ("reconnects", "gaps", "recovered", "resent", "missed")


@dataclass(frozen=True)
class Length:
    """How long a plot takes, and how much is said in it.

    Attributes:
        rate: messages a second, of each speaker.
        batch: how many of them are sent at once.
        size: bytes of each.
        rounds: how often what happens happens.
        outage: seconds that something which is missed at once stays away.
        silence: seconds that something stays away which nobody is told of.
        joins: how often somebody joins.
    """

    rate: float = 600
    batch: int = 10
    size: int = 100
    rounds: int = 1
    outage: float = 0.7
    silence: float = 5.0
    joins: int = 200


SHORT = Length()
LONG = Length(rate=1000, rounds=3, outage=1.5, silence=30.0, joins=1000)


@dataclass(frozen=True)
class Outcome:
    """What came of a plot.

    Attributes:
        verdict: on the messages.
        figures: what the actors' layers have counted, and the longest pause in milliseconds.
        errors: what they have logged at ERROR.
    """

    verdict: Verdict
    figures: Mapping[str, int] = field(default_factory=dict)
    errors: Sequence[str] = ()


class Scene:
    """What a plot happens to.

    Args:
        cluster: its nodes.
        directory: for what actors write.
        length: how long it all takes.
        config: CONFIG of all actors' layers, but for the servers.

    Attributes:
        nodes: those of the cluster.
        players: all actors.
        listeners: those who hear everything, from the beginning.
        own_too: whether what they have said themselves comes to them by another node, too.
    """

    def __init__(
        self, cluster: NatsCluster, directory: Path, length: Length, config: Mapping[str, Any]
    ) -> None:
        self.cluster = cluster
        self.length = length
        self.players: list[Player] = []
        self.listeners: list[Player] = []
        self.own_too = False
        self._directory = directory
        self._config = {"prefix": f"faults-{uuid.uuid4().hex[:8]}", **config}
        self._numbers = itertools.count()

    @property
    def nodes(self) -> list[NatsServer]:
        return self.cluster.servers

    @property
    def speakers(self) -> list[Player]:
        """Those who say something when they are told to, and live."""
        return [player for player in self.players if player.topics and not player.is_gone]

    def config(self, node: int) -> dict[str, Any]:
        """CONFIG of a layer that begins with this node, and finds the others when it is gone."""
        return {**self._config, "servers": [self.cluster.urls[node % len(self.nodes)]]}

    def cast(self, *, speakers: int, listeners: int, seconds_each: float = 0) -> None:
        """Have listeners come, on one node after the other; the first of them speak as well."""
        self.listeners = [
            self._call("actor", number, TOPICS if number < speakers else ())
            for number in range(listeners)
        ]
        for player in self.listeners:
            player.hear()
        ask_all(self.listeners, "listen", TOPICS, seconds_each)

    def call(self, name: str, node: int, topics: Sequence[str] = TOPICS) -> Player:
        """Have one more actor come."""
        player = self._call(name, node, topics)
        player.hear()
        return player

    def run_command(self, node: int) -> Player:
        """Have a command send a few messages, and wait until it has ended."""
        command = self._call("command", node, TOPICS, "command")
        command.await_end()
        return command

    def _call(self, name: str, node: int, topics: Sequence[str], program: str = "actor") -> Player:
        unique = f"{name}-{next(self._numbers)}"
        player = Player(unique, self.config(node), topics, self._directory, program)
        self.players.append(player)
        return player

    def talk(self) -> None:
        """Let all speakers say something all the time; return when they have, on each topic."""
        length = self.length
        ask_all(self.speakers, "talk", length.rate, length.batch, length.size)
        flows = len(self.speakers) * len(TOPICS)
        assert wait_for(lambda: len(self.said()) == flows, DEADLINE), self.read_logs()
        self.catch_up()
        ask_all(self.listeners, "forget_pauses")

    def last(self, seconds: float) -> None:
        """Let a state last for so long: how long is what is tried."""
        time.sleep(seconds)

    def catch_up(self, listeners: Sequence[Player] | None = None) -> None:
        """Wait until all has been heard that was said until now, whatever is said meanwhile."""
        said = self.said()
        everybody = self.listeners if listeners is None else listeners
        assert wait_for(lambda: self._lacks(said, everybody) == 0, DEADLINE), self.read_logs()

    def _lacks(self, said: Mapping[Flow, int], listeners: Sequence[Player]) -> int:
        """How many of these messages somebody has not heard, nor was told to have missed."""
        return sum(
            max(0, last - highest.get(flow, 0))
            for highest in map(_highest, ask_all(listeners, "tell"))
            for flow, last in said.items()
        )

    def said(self) -> dict[Flow, int]:
        """The last number of each flow of the living that has one."""
        return {
            flow: last for player in self.speakers for flow, last in player.said().items() if last
        }

    def settle(self) -> Outcome:
        """Let all speakers fall silent, say a last word on each topic, and judge.

        What comes twice comes before the last word, as topics keep their order.
        """
        ask_all(self.speakers, "quiet")
        wait_for(lambda: self._judge().verdict.is_orderly, DEADLINE / 2)
        ask_all(self.speakers, "burst", len(TOPICS), 0)
        wait_for(lambda: self._judge().verdict.is_orderly, DEADLINE / 2)
        return self._judge()

    def _judge(self) -> Outcome:
        accounts = ask_all(self.listeners, "tell")
        said = {flow: last for player in self.players for flow, last in player.said().items()}
        verdict = judge(
            said,
            map(heard, self.listeners, accounts),
            ends_open=[player.name for player in self.players if player.lacks_end],
            own_too=self.own_too,
        )
        figures = {name: sum(each["link"].get(name, 0) for each in accounts) for name in FIGURES}
        figures["pause"] = round(1000 * max(each["longest_pause"] for each in accounts))
        return Outcome(verdict, figures, [line for each in accounts for line in each["errors"]])

    def read_logs(self) -> str:
        """What everybody has logged."""
        logs = [f"{player.name}:\n{player.read_log()}" for player in self.players]
        return "\n".join([*logs, self.cluster.read_logs()])

    def close(self) -> None:
        """Send everybody home."""
        for player in self.players:
            player.close()


def _highest(account: Mapping[str, Any]) -> dict[Flow, int]:
    """The highest number of each flow that an actor has heard."""
    return {
        (sender, topic): max(last for _, last in runs) for sender, topic, runs in account["runs"]
    }


@contextmanager
def staged(
    length: Length, config: Mapping[str, Any], *, nodes: int, links: bool = False, text: str = ""
) -> Iterator[Scene]:
    """A scene on nodes of its own, which are gone at the end of the block.

    Args:
        links: whether links between nodes can be cut.
        text: of configuration, for each node.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cb-") as directory,
        NatsCluster(nodes, config=text, links=links) as cluster,
    ):
        scene = Scene(cluster, Path(directory), length, config)
        try:
            yield scene
        except AssertionError:
            print(scene.read_logs())
            raise
        finally:
            scene.close()
