"""Random worlds: workers, a hub and clients, all of which fail, and what must be true of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from channels_bridge.groups.history.position import Bounds
from compat_tests.groups.history.facts import Facts
from compat_tests.groups.history.simulated_client import Client, PlainClient
from compat_tests.groups.history.simulated_hub import SimulatedHub
from compat_tests.groups.history.simulated_worker import Worker

GROUPS = ["a", "b"]
#: How many steps a world has before all is well again.
STEPS = 2000
#: After how many times 20 steps without a fault everything must have arrived.
SETTLING = 5_000


class World:
    """Three workers and some clients, at random but the same for the same seed.

    Args:
        seed: the world.
        is_bounded: whether little is kept, for a short time. Otherwise nothing may be missing.
        is_lossy: whether the journal loses its end now and then, or all of it.
    """

    def __init__(self, seed: int, *, is_bounded: bool, is_lossy: bool) -> None:
        r = self.random = random.Random(seed)
        self.is_lossy = is_lossy
        self.is_bounded = is_bounded
        messages = r.choice([3, 10, 40]) if is_bounded else 10**6
        self.bounds = Bounds(messages, r.choice([5.0, 1e9]) if is_bounded else 1e9)
        self.max_bytes = r.choice([2_000, 10_000, 1e9]) if is_bounded else 1e9
        self.memory = r.choice([10.0, 1e9]) if is_bounded else 1e9
        self.is_sure = not is_lossy and self.memory == 1e9  # that no log is ever unknown
        self.capacity = r.choice([1, 3, 10])
        self.groups = GROUPS[: r.choice([1, 2, 2])]
        self.now = 1000.0
        self.epochs = self.numbers = 0
        self.facts = Facts()
        self.passing: set[int] = set()  # the numbers of messages that aren't kept
        self.happened: Counter[str] = Counter()
        self.worker_count = 0
        self.hub = self.new_hub(b"")
        self.workers = [self.new_worker() for _ in range(3)]
        kinds = [Client, Client, Client, Client, PlainClient]
        self.clients = [kind(self, self.choose_groups()) for kind in kinds]

    # What there is.

    def new_epoch(self) -> str:
        """One that never was."""
        self.epochs += 1
        return f"{self.epochs:06d}"

    def new_number(self, kept: bool) -> int:
        """The number of another message."""
        self.numbers += 1
        if not kept:
            self.passing.add(self.numbers)
        return self.numbers

    def new_hub(self, journal: bytes) -> SimulatedHub:
        """A hub that finds this journal."""
        return SimulatedHub(self, journal)

    def new_worker(self) -> Worker:
        """A worker with a name that never was."""
        self.worker_count += 1
        return Worker(self, b"worker %d" % self.worker_count)

    def choose_groups(self) -> list[str]:
        """What a client is in."""
        return self.random.sample(self.groups, self.random.randint(1, len(self.groups)))

    # What happens.

    def live(self) -> None:
        """Let it all happen, until everything has arrived."""
        for _ in range(STEPS):
            if self.random.random() < 0.03:
                self.fail()
            elif self.random.random() < 0.15:
                self.publish()
            else:
                self.go_on(1)
        self.settle()

    def settle(self) -> None:
        """Let everything arrive."""
        for _ in range(SETTLING):
            self.go_on(20)
            if self.is_settled():
                break
            self.wait()
        else:
            raise AssertionError("does not settle")
        for client in self.clients:
            client.check_end()
            assert not client.gaps or self.is_bounded or self.is_lossy, "nothing was missing"

    def wait(self) -> None:
        """Let some time pass, if anything waits for that."""

    def is_settled(self) -> bool:
        """Whether nothing is on the way."""
        return all(worker.is_quiet for worker in self.workers) and all(
            client.connection is not None
            and not client.connection.is_lost
            and client.connection.is_settled
            for client in self.clients
        )

    def fail(self) -> None:
        """Let something fail."""
        faults: list[tuple[int, Callable[[], None]]] = [
            (12, self.lose_client),
            (3, self.kill_worker),
            (3, self.cut_off_worker),
            (2, self.kill_hub),
            (1, self.lose_power),
            (2, self.rewrite),
            (6, self.pass_time),
        ]
        if self.is_lossy:
            faults.append((1, self.clear))
        fault = self.random.choices([fault for _, fault in faults], [n for n, _ in faults])[0]
        self.happened[fault.__name__] += 1
        fault()

    def publish(self) -> None:
        """Let a worker send something."""
        worker, group = self.random.choice(self.workers), self.random.choice(self.groups)
        worker.publish(group, self.random.choice([0, 1, 1, 1, 2, 3]), self.random.random() < 0.9)

    def go_on(self, steps: int) -> None:
        """Let somebody do the next thing, so many times."""
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        """Let somebody do the next thing."""
        worker = self.random.choice(self.workers)
        x = self.random.random()
        if not worker.is_linked:
            worker.connect()
        elif x < 0.2:
            if worker.up:
                worker.send()
        elif x < 0.5:
            if worker.down:
                worker.receive()
        else:
            self.serve(self.random.choice(self.clients), worker)

    def serve(self, client: Client, worker: Worker) -> None:
        """Let a client or its connection do the next thing."""
        connection = client.connection
        x = self.random.random()
        if connection is None or connection.is_lost:
            if connection is not None and connection.out and x < 0.5:
                client.receive()  # it was on the way
            else:
                client.connect(worker)
        elif connection.joining:
            connection.join()
        elif x < 0.5:
            connection.run()
        elif connection.out:
            client.receive()

    # Faults.

    def lose_client(self) -> None:
        """A client loses its connection, and its worker may not notice for a while."""
        client = self.random.choice(self.clients)
        if client.connection is None or client.connection.is_lost:
            return
        if self.random.random() < 0.5:
            client.connection.lose()
        else:
            client.connection = None

    def kill_worker(self) -> None:
        """A worker is killed, with all its connections."""
        self.replace_worker(self.random.randrange(len(self.workers)))

    def replace_worker(self, index: int) -> None:
        """Let another worker take the place of one."""
        worker = self.workers[index]
        for connection in worker.connections:
            connection.is_lost = True
        self.hub.disconnect(worker)
        self.workers[index] = self.new_worker()

    def cut_off_worker(self) -> None:
        """The hub gives up a worker, which doesn't know."""
        self.hub.disconnect(self.random.choice(self.workers))

    def kill_hub(self) -> None:
        """The hub is killed, and another one takes its place."""
        journal = bytes(self.hub.journal)
        if self.is_lossy and self.random.random() < 0.5:
            lost = self.random.choice([100, 100, 400, len(journal)])
            lost = self.random.randint(lost // 100, lost)
            journal = journal[: max(len(journal) - lost, 0)]
            self.happened["journal shortened"] += 1
        self.hub = self.new_hub(journal)

    def lose_power(self) -> None:
        """Everything ends at once; clients have got the latest message, or a part of it."""
        self.go_on(300)
        self.publish()
        self.go_on(self.random.randint(50, 150))
        for client in self.clients:
            while client.connection and client.connection.out and self.random.random() < 0.8:
                client.receive()
            client.connection = None
        for index in range(len(self.workers)):
            self.replace_worker(index)
        self.kill_hub()

    def rewrite(self) -> None:
        """The journal has become too long."""
        self.hub.rewrite()

    def pass_time(self) -> None:
        """Time passes, and all tidy up."""
        self.now += self.random.choice([0.1, 1.0, 3.0])
        self.hub.sweep()
        for worker in self.workers:
            worker.tidy()

    def clear(self) -> None:
        """Somebody calls ``flush()``."""
        self.hub.clear()
