"""A simulated bus: nodes, routes between them, and processes, in a time that is only counted.

It delivers at most once, and loses what a real one loses: what is on its way to a process that is
away, over a route that is cut, to a topic that a node does not know to be wanted, to a process that
does not read. It may also lose, repeat and reorder frames at random.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from random import Random

from channels_bridge.groups.reliable.bounds import Bounds
from channels_bridge.groups.reliable.reliable_context import Loss
from channels_bridge.groups.reliable.reliable_topics import ReliableTopics

__all__ = ["NEVER", "Process", "SimulatedBus", "Subscription"]

NEVER = float("inf")


class Subscription:
    """What a process got of a topic from when it subscribed it to when it left it."""

    def __init__(self, topic: str, since: float) -> None:
        self.topic = topic
        self.since = since
        self.delivered: dict[bytes, list[int]] = {}
        self.losses: list[Loss] = []


class Process:
    """A process on the bus, with the layer under test in it."""

    def __init__(self, bus: SimulatedBus, node: int, bounds: Bounds, cost: float = 0.0) -> None:
        self.simulated = bus
        self.node = node
        self.cost = cost  # seconds that it takes to handle a frame
        self.identity = bus.random.randbytes(8)
        self.is_connected = True
        self.is_stopped = False
        self.is_dead = False
        self.away_since: float | None = None
        self.subscriptions: dict[str, Subscription] = {}
        self.ended: list[Subscription] = []
        self.losses: list[Loss] = []
        self.sent: dict[str, list[float]] = {}
        self.unheard: list[str] = []
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._waiting_bytes = 0
        self._is_draining = False
        self._timer = NEVER
        self.topics = ReliableTopics(
            identity=self.identity,
            bus=self,
            deliver=self.deliver,
            on_loss=self.lose,
            on_unheard=self.renew,
            bounds=bounds,
        )
        bus.processes.append(self)
        self.topics.bus_changed(bus.now, away=True)
        self.tick()

    # The bus, as the layer sees it.

    def publish(self, topic: str, head: bytes, payload: bytes) -> None:
        """Send a frame to all who subscribed."""
        for other in self.simulated.processes:
            if other is not self and self.simulated.is_wanted(topic, self, other):
                self._send(other, len(head) + len(payload), topic, head + payload)

    def publish_to(self, identity: bytes, frame: bytes) -> None:
        """Send a control frame to one process."""
        for other in self.simulated.processes:
            if other.identity == identity:
                self._send(other, len(frame), None, frame)

    def publish_to_all(self, frame: bytes) -> None:
        """Send a control frame to all other processes."""
        for other in self.simulated.processes:
            if other is not self:
                self._send(other, len(frame), None, frame)

    def _send(self, other: Process, size: int, topic: str | None, frame: bytes) -> None:
        def handle() -> None:
            if topic is None:
                other.topics.received_control(frame, self.simulated.now)
            elif topic in other.subscriptions:
                other.topics.received(topic, frame, self.simulated.now)

        if self.is_connected:
            self.simulated.carry(self, other, lambda: other.arrive(size, handle))

    # What the application does.

    def send(self, topic: str, tag: int = 0) -> None:
        """Publish the next number to a topic."""
        if self.is_stopped or self.is_dead:
            return
        sent = self.sent.setdefault(topic, [])
        sent.append(self.simulated.now)
        self.topics.publish(topic, b"%d" % len(sent), self.simulated.now, tag=tag)
        self.set_timer()

    def subscribe(self, topic: str) -> None:
        """Subscribe a topic."""
        if topic in self.subscriptions or self.is_stopped or self.is_dead:
            return
        self.subscriptions[topic] = Subscription(topic, self.simulated.now)
        self.topics.subscribed(topic, self.simulated.now)
        self.simulated.spread_interest(self, topic)

    def unsubscribe(self, topic: str) -> None:
        """Leave a topic."""
        if topic not in self.subscriptions or self.is_stopped or self.is_dead:
            return
        self.topics.unsubscribed(topic)
        self.ended.append(self.subscriptions.pop(topic))
        self.simulated.interest.pop((self, topic), None)

    def deliver(self, topic: str, sender: bytes, tag: int, payload: bytes) -> None:
        """Note what arrived."""
        self.subscriptions[topic].delivered.setdefault(sender, []).append(int(payload))

    def lose(self, loss: Loss) -> None:
        """Note a declared loss."""
        self.losses.append(loss)
        if loss.topic:
            self.subscriptions[loss.topic].losses.append(loss)

    def renew(self, topic: str) -> None:
        """Subscribe a topic anew, at the bus alone."""
        self.unheard.append(topic)
        self.simulated.spread_interest(self, topic)

    # Its fate.

    def arrive(self, size: int, handle: Callable[[], None]) -> None:
        """Take a frame from the node: at once, or when its turn comes."""
        if not self.is_connected or self.is_dead:
            return
        self._waiting.append((self.simulated.now, handle))
        self._waiting_bytes += size
        if self._waiting_bytes > self.simulated.largest_backlog:
            self.disconnect()
            self.simulated.after(0.2, self.reconnect)
        self._drain_later(0.0)

    def _drain_later(self, delay: float) -> None:
        if not self._is_draining:
            self._is_draining = True
            self.simulated.after(delay, self._drain)

    def _drain(self) -> None:
        self._is_draining = False
        while self._waiting and not self.is_stopped and not self.is_dead:
            self._waiting.popleft()[1]()
            if not self._waiting:
                self._waiting_bytes = 0
            self.set_timer()
            if self.cost:
                self._drain_later(self.cost)
                return

    def disconnect(self) -> None:
        """Lose the connection, and what waits at the node."""
        if self.is_connected and not self.is_dead:
            self.is_connected = False
            # What was sent since then is lost: a ping behind it would have had no answer.
            self.away_since = self._waiting[0][0] if self._waiting else self.simulated.now
            self._waiting.clear()
            self._waiting_bytes = 0

    def reconnect(self) -> None:
        """Come back, on any node that is there."""
        nodes = sorted(self.simulated.nodes)
        if self.is_connected or self.is_dead:
            return
        if self.is_stopped or not nodes:
            self.simulated.after(0.3, self.reconnect)
            return
        self.is_connected = True
        self.node = self.simulated.random.choice(nodes)
        for topic in self.subscriptions:
            self.simulated.spread_interest(self, topic)
        self.topics.bus_changed(self.simulated.now, away=True, since=self.away_since)
        self.set_timer()

    def stop(self, seconds: float) -> None:
        """Do nothing for a while."""
        self.is_stopped = True
        self.simulated.after(seconds, self._continue)

    def _continue(self) -> None:
        self.is_stopped = False
        self._drain_later(0.0)
        self.tick()

    def kill(self) -> None:
        """End at once."""
        self.is_dead = True
        self.is_connected = False
        self.simulated.processes.remove(self)

    def tick(self) -> None:
        """Do what is due in the layer."""
        self._timer = NEVER
        if not self.is_stopped and not self.is_dead:
            self.topics.tick(self.simulated.now)
            self.set_timer()

    def set_timer(self) -> None:
        """Set the one timer, if it has to be sooner."""
        at = max(self.topics.next_tick, self.simulated.now)
        if at < self._timer:
            self._timer = at
            self.simulated.after(at - self.simulated.now, lambda: self._ring(at))

    def _ring(self, at: float) -> None:
        if at == self._timer:
            self.tick()


class SimulatedBus:
    """The bus, and the clock.

    Attributes:
        now: the time.
        nodes: those that are alive.
        cut: routes that bring nothing, as pairs of nodes.
        interest: for each process and topic, from when which node knows of it.
        loss, repeats, reorders: how likely each frame meets that.
        longest_way: how long a frame takes at most.
        largest_backlog: how many bytes may wait for a process before a node drops it.
    """

    def __init__(self, seed: int, nodes: int = 3) -> None:
        self.random = Random(seed)
        self.now = 1000.0
        self.nodes = set(range(nodes))
        self.node_count = nodes
        self.cut: set[frozenset[int]] = set()
        self.processes: list[Process] = []
        self.interest: dict[tuple[Process, str], dict[int, float]] = {}
        self.loss = self.repeats = self.reorders = 0.0
        self.longest_way = 0.005
        self.largest_backlog = 1 << 20
        self.carried = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._last_arrival: dict[tuple[Process, Process], float] = {}

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._events, (self.now + delay, next(self._count), action))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = end

    def is_wanted(self, topic: str, sender: Process, receiver: Process) -> bool:
        """Whether the sender's node knows that the receiver wants the topic."""
        known = self.interest.get((receiver, topic), {})
        return known.get(sender.node, NEVER) <= self.now

    def spread_interest(self, process: Process, topic: str) -> None:
        """Let the nodes know of a subscription: its own at once, the others a little later."""
        if process.is_connected:
            self.interest[process, topic] = {
                node: self.now + (0.0 if node == process.node else self.random.random() * 0.2)
                for node in range(self.node_count)
                if self.are_joined(node, process.node)
            }

    def are_joined(self, one: int, other: int) -> bool:
        """Whether a route between two nodes, if they are two, brings frames."""
        return one == other or frozenset((one, other)) not in self.cut

    def carry(self, sender: Process, receiver: Process, arrive: Callable[[], None]) -> None:
        """Carry a frame, or lose it."""
        self.carried += 1
        if not self.are_joined(sender.node, receiver.node) or self.random.random() < self.loss:
            return
        at = self.now + self.random.random() * self.longest_way
        pair = sender, receiver
        if self.random.random() >= self.reorders:
            at = self._last_arrival[pair] = max(at, self._last_arrival.get(pair, 0.0))
        self.after(at - self.now, arrive)
        if self.random.random() < self.repeats:
            self.after(at - self.now + self.random.random() * 0.3, arrive)

    # Faults.

    def kill_node(self, node: int, seconds: float) -> None:
        """End a node, with what is on its way to its processes."""
        self.nodes.discard(node)
        for process in self.processes:
            if process.node == node and process.is_connected:
                process.disconnect()
                self.after(0.05 + self.random.random() * 0.5, process.reconnect)
        self.after(seconds, lambda: self.nodes.add(node))
        self.after(seconds + 0.1, self.tell_change)

    def cut_route(self, one: int, other: int, seconds: float, is_told: bool = True) -> None:
        """Let a route bring nothing for a while, and processes not know of it, perhaps."""
        self.cut.add(frozenset((one, other)))
        self.after(seconds, lambda: self._join_route(one, other, is_told))

    def _join_route(self, one: int, other: int, is_told: bool) -> None:
        self.cut.discard(frozenset((one, other)))
        for (process, _), known in self.interest.items():
            if process.node in (one, other):
                for node in {one, other} - {process.node}:
                    known.setdefault(node, self.now + self.random.random() * 0.1)
        if is_told:
            self.tell_change()

    def tell_change(self) -> None:
        """Tell all processes that the bus has changed."""
        for process in self.processes:
            if process.is_connected and not process.is_stopped:
                process.topics.bus_changed(self.now, away=False)
                process.set_timer()

    def forget_interest(self, process: Process, topic: str) -> None:
        """Let all other nodes not know of a subscription any more."""
        known = self.interest.get((process, topic), {})
        for node in [node for node in known if node != process.node]:
            del known[node]
