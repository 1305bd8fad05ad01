"""The load generator: ``python -m channels_bridge.bench.load PORT SCENARIO WARMUP SECONDS``.

It is a process of its own, on native code, so that its work is not the servers'. It prints one line
when the warm-up is over, one when the measured time is over, and last its counts as JSON, when
every message has arrived or `DRAIN_SECONDS` have passed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from .scenarios import SCENARIOS, Scenario

DRAIN_SECONDS = 10.0  # after the last message was published; what is missing then is lost
PREFIX = len('{"message": "')
DIGITS = 10


@dataclass
class Counts:
    """What arrived, over the whole run; latencies and the rate are of the measured time only."""

    expected: int = 0
    delivered: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    connections_lost: int = 0
    measured_seconds: float = 0.0
    measured_deliveries: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0


@dataclass
class Run:
    """The state that all connections share."""

    scenario: Scenario
    counts: Counts = field(default_factory=Counts)
    measuring: bool = False
    latencies: list[float] = field(default_factory=list)
    publishing: bool = True
    complete: asyncio.Event = field(default_factory=asyncio.Event)  # once it isn't publishing

    def settle(self) -> None:
        """See whether all that was published has been delivered."""
        if not self.publishing and self.counts.delivered == self.counts.expected:
            self.complete.set()


class Group:
    """One group: the times at which its messages were published, by number."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.published: list[float] = []

    def publish(self, transport: WSTransport) -> None:
        message = str(len(self.published)).zfill(DIGITS).ljust(self.run.scenario.size, ".")
        self.published.append(time.perf_counter())
        transport.send(WSMsgType.TEXT, json.dumps({"message": message}).encode())


class Member(WSListener):
    """One connection. Checks that each of its group's messages comes once and in order."""

    def __init__(self, group: Group, publishes: bool) -> None:
        self.group = group
        self.run = group.run
        self.publishes = publishes
        self.next = 0  # the number of the message that is due
        self.missing: set[int] = set()  # numbers below `next` that did not come
        self.open = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.open = True

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.open = False

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            return
        now = time.perf_counter()
        number = int(frame.get_payload_as_bytes()[PREFIX : PREFIX + DIGITS])
        self.check(number)
        if self.run.measuring:
            self.run.latencies.append(now - self.group.published[number])
        if not self.run.publishing:
            self.run.settle()
        elif self.publishes:
            self.group.publish(transport)

    def check(self, number: int) -> None:
        """Count the message as delivered, duplicated or out of order."""
        counts = self.run.counts
        if number == self.next:
            self.next += 1
        elif number > self.next:
            self.missing.update(range(self.next, number))
            self.next = number + 1
        elif number in self.missing:
            self.missing.remove(number)
            counts.out_of_order += 1
        else:
            counts.duplicated += 1
            return
        counts.delivered += 1


async def generate(port: int, scenario: Scenario, warmup: float, seconds: float) -> Counts:
    """Connect, publish for `warmup` + `seconds`, wait for what is in flight, disconnect."""
    run = Run(scenario)
    groups = [Group(run) for _ in range(scenario.groups)]
    connections = [await join(port, groups, n) for n in range(scenario.connections)]
    for transport, member in connections:
        if member.publishes:
            for _ in range(scenario.window):
                member.group.publish(transport)
    await asyncio.sleep(warmup)
    await measure(run, seconds)
    await drain(run, sum(len(member.group.published) for _, member in connections))
    run.counts.connections_lost = sum(not member.open for _, member in connections)
    for transport, _ in connections:
        transport.disconnect()
        await transport.wait_disconnected()
    return run.counts


async def join(port: int, groups: list[Group], number: int) -> tuple[WSTransport, Member]:
    """Open connection `number`; the first of each group is its publisher."""
    index = number % len(groups)
    member = Member(groups[index], publishes=number < len(groups))
    host = f"127.0.0.1:{port}"
    transport, _ = await ws_connect(
        lambda: member,
        f"ws://{host}/ws/chat/{index}/",
        extra_headers={"Origin": f"http://{host}"},
        websocket_handshake_timeout=30,
    )
    return transport, member


async def measure(run: Run, seconds: float) -> None:
    """Take latencies and count deliveries for `seconds`; say when that begins and ends."""
    run.measuring = True
    start = time.perf_counter()
    print("begin", flush=True)
    await asyncio.sleep(seconds)
    print("end", flush=True)
    run.measuring = False
    counts, latencies = run.counts, sorted(run.latencies)
    counts.measured_seconds = time.perf_counter() - start
    counts.measured_deliveries = len(latencies)
    if latencies:
        counts.p50_ms = latencies[len(latencies) // 2] * 1000
        counts.p99_ms = latencies[len(latencies) * 99 // 100] * 1000


async def drain(run: Run, expected: int) -> None:
    """Publish no more, and wait for what is in flight."""
    run.counts.expected = expected
    run.publishing = False
    run.settle()
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(run.complete.wait(), DRAIN_SECONDS)


def main() -> None:
    port, scenario, warmup, seconds = sys.argv[1:]
    coroutine = generate(int(port), SCENARIOS[scenario], float(warmup), float(seconds))
    print(json.dumps(asdict(asyncio.run(coroutine))), flush=True)


if __name__ == "__main__":
    main()
