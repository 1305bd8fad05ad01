"""Random worlds: processes that publish and subscribe while things fail, and what must be true."""

from __future__ import annotations

from collections.abc import Callable

from channels_bridge.groups.reliable.bounds import Bounds
from compat_tests.groups.reliable.simulated_bus import Process, SimulatedBus, Subscription

__all__ = ["World"]

TOPICS = ["g:a", "g:b", "g:c"]
#: Failures begin after so many seconds: all know one another by then.
BEGINNING = 1.0
#: How long all is well again in the end, in seconds: long enough for all to announce themselves.
END = 40.0


class World:
    """A few processes on three nodes, at random but the same for the same seed.

    In a mild world nothing fails for long enough to lose anything. In a harsh one it may.

    Args:
        seed: the world.
        is_harsh: whether failures may last longer than the bounds, and senders keep little.
    """

    def __init__(self, seed: int, is_harsh: bool) -> None:
        self.is_harsh = is_harsh
        self.bus = SimulatedBus(seed)
        self.random = self.bus.random
        self.failing = self.random.choice([30.0, 150.0]) if is_harsh else 7.0
        keep_bytes = self.random.choice([2000, 10_000, 1 << 20]) if is_harsh else 1 << 20
        held = self.random.choice([5, 1000])
        # Each audits all others, so that what no node brings is noticed in time; or none does, and
        # all else is brought by marks.
        self.is_audited = is_harsh or self.random.random() < 0.5
        peers = 10 if self.is_audited else 0
        self.bounds = Bounds(keep_bytes=keep_bytes, held_messages=held, audit_peers=peers)
        self.bus.largest_backlog = self.random.choice([5_000, 1 << 20])
        self.all = [self.begin_process() for _ in range(self.random.randint(2, 4))]

    def begin_process(self) -> Process:
        """Begin a process, which subscribes some topics."""
        cost = self.random.choice([0.0, 0.0, 0.002])
        node = self.random.choice(sorted(self.bus.nodes) or [0])
        process = Process(self.bus, node, self.bounds, cost)
        for topic in self.random.sample(TOPICS, self.random.randint(1, len(TOPICS))):
            process.subscribe(topic)
        return process

    def live(self) -> None:
        """Let it all happen."""
        self.bus.run(BEGINNING)
        self.plan_traffic()
        for _ in range(self.random.randint(0, 8)):
            latest = self.failing * 0.8 if self.is_harsh else 3.0
            self.bus.after(self.random.random() * latest, self.choose_fault())
        for _ in range(self.random.randint(0, 3)):
            self.bus.after(self.random.random() * self.failing, self.choose_change())
        self.bus.run(self.failing)
        self.heal()
        self.bus.run(END)
        if self.random.random() < 0.7:
            for process in list(self.bus.processes):  # what follows shows every gap
                for topic in TOPICS:
                    process.send(topic)
            self.bus.run(END)

    def plan_traffic(self) -> None:
        """Plan bursts."""
        for _ in range(self.random.randint(1, 40)):
            self.bus.after(self.random.random() * self.failing, self.send_burst)

    def send_burst(self) -> None:
        """Send some messages, a little apart."""
        process, topic = self.random.choice(self.all), self.random.choice(TOPICS)
        at = 0.0
        for _ in range(self.random.choice([1, 1, 3, 20])):
            at += self.random.choice([0.0, 0.001, 0.01])
            self.bus.after(at, lambda: process.send(topic))

    def choose_fault(self) -> Callable[[], None]:
        """Choose what fails, and for how long."""
        random, bus = self.random, self.bus
        longest = self.failing if self.is_harsh else 3.0
        seconds = random.random() * longest
        one, other = random.sample(range(bus.node_count), 2)
        process = random.choice(self.all)
        return random.choice(
            [
                lambda: bus.kill_node(one, seconds),
                lambda: bus.cut_route(one, other, seconds),
                lambda: bus.cut_route(one, other, seconds, is_told=False),
                lambda: process.stop(seconds),
                lambda: self.be_away(process, seconds),
                lambda: self.be_bad(seconds),
                lambda: self.forget_interest(process),
                lambda: self.be_slow(seconds),
            ]
        )

    def choose_change(self) -> Callable[[], None]:
        """Choose who comes and goes."""
        process, topic = self.random.choice(self.all), self.random.choice(TOPICS)
        return self.random.choice(
            [
                lambda: self.all.append(self.begin_process()),
                lambda: self.kill(process),
                lambda: process.subscribe(topic),
                lambda: process.unsubscribe(topic),
                lambda: self.be_brief(process, topic),
            ]
        )

    def kill(self, process: Process) -> None:
        """Kill a process, once."""
        if not process.is_dead:
            process.kill()

    def be_brief(self, process: Process, topic: str) -> None:
        """Leave a topic, and come back to it."""
        process.unsubscribe(topic)
        process.subscribe(topic)

    def be_away(self, process: Process, seconds: float) -> None:
        """Lose the connection for a while."""
        process.disconnect()
        self.bus.after(seconds, process.reconnect)

    def be_bad(self, seconds: float) -> None:
        """Lose, repeat and reorder frames for a while."""
        self.bus.loss = self.random.choice([0.05, 0.3])
        self.bus.repeats = self.bus.reorders = self.random.choice([0.0, 0.2])
        self.bus.after(seconds, self.be_good)

    def be_good(self) -> None:
        """Do so no longer."""
        self.bus.loss = self.bus.repeats = self.bus.reorders = 0.0

    def be_slow(self, seconds: float) -> None:
        """Take long for each frame, for a while."""
        self.bus.longest_way = 0.5
        self.bus.after(seconds, self.be_fast)

    def be_fast(self) -> None:
        """Do so no longer."""
        self.bus.longest_way = 0.005

    def forget_interest(self, process: Process) -> None:
        """Let the nodes not know that a process wants a topic."""
        if process.subscriptions and self.is_audited:
            topic = self.random.choice(sorted(process.subscriptions))
            self.bus.forget_interest(process, topic)

    def heal(self) -> None:
        """Let all be well."""
        self.be_good()
        self.be_fast()
        for process in self.bus.processes:
            if process.is_stopped:
                process._continue()
        self.bus.nodes.update(range(self.bus.node_count))
        for one, other in [sorted(pair) for pair in self.bus.cut]:
            self.bus._join_route(one, other, is_told=True)
        for process in self.bus.processes:
            process.reconnect()

    # What has to be true.

    def check(self) -> None:
        """Check what arrived at each process that was ever there."""
        for receiver in self.all:
            self.check_repeats(receiver)
            for subscription in [*receiver.ended, *receiver.subscriptions.values()]:
                self.check_order(subscription)
            for subscription in receiver.subscriptions.values():
                for sender in self.all:
                    if sender is not receiver and not receiver.is_dead:
                        self.check_loss(receiver, subscription, sender)

    def check_repeats(self, receiver: Process) -> None:
        """Never twice, also where a topic was left and joined again at once."""
        got: set[tuple[str, bytes, int]] = set()
        for subscription in [*receiver.ended, *receiver.subscriptions.values()]:
            for sender, numbers in subscription.delivered.items():
                found = {(subscription.topic, sender, number) for number in numbers}
                assert not got & found, got & found
                got |= found

    def is_remembered(self, sent: list[float]) -> bool:
        """Whether the sender still knew of the first when it sent the last."""
        pauses = [later - sooner for sooner, later in zip(sent, sent[1:], strict=False)]
        return max(pauses, default=0.0) <= self.bounds.remember_seconds

    def check_order(self, subscription: Subscription) -> None:
        """In order, and never twice."""
        for numbers in subscription.delivered.values():
            assert numbers == sorted(set(numbers)), numbers

    def check_loss(self, receiver: Process, subscription: Subscription, sender: Process) -> None:
        """Nothing is lost but what was declared, and nothing is declared but what was lost."""
        sent = sender.sent.get(subscription.topic, [])
        got = set(subscription.delivered.get(sender.identity, []))
        lost = [number for number in range(1, len(sent) + 1) if number not in got]
        due = [number for number in lost if sent[number - 1] >= subscription.since]
        if sender.is_dead:
            # What it had sent last may have reached nobody who could know of it; nor did it live to
            # say what it had forgotten.
            last = max(got, default=0)
            due = [n for n in due if n < last and self.is_remembered(sent[n - 1 : last])]
        counts = [loss.count for loss in subscription.losses if loss.sender == sender.identity]
        unknown = [
            loss
            for process in (receiver, sender)
            for loss in process.losses
            if not loss.topic and loss.sender == sender.identity
        ]
        told = (subscription.topic, len(sent), due, counts, unknown)
        if None not in counts:
            assert sum(counts) <= len(lost), told  # type: ignore[arg-type]
            assert unknown or sum(counts) >= len(due), told  # type: ignore[arg-type]
        if not self.is_harsh and not sender.is_dead:
            assert not (due or counts or unknown), told
