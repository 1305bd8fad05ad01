"""Runs every scenario on every server, and gathers the outcomes.

Most scenarios run at once, on all servers.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from compat_tests.differences.client import Client
from compat_tests.differences.peers import Peer, start
from compat_tests.differences.recording import BEGINNING, read
from compat_tests.differences.scenario import OURS, PEERS, Scenario, When
from compat_tests.servers import wait_for

#: What happened in one scenario on one server, by aspect. All of it is plain data.
Outcome = dict[str, Any]

#: Outcomes by scenario and server.
Outcomes = dict[str, dict[str, Outcome]]

#: Seconds for applications to end and for servers to say so, after the clients have left.
SETTLE = 30.0

#: Seconds between the scenarios that run at once: Daphne drops what it can't answer within 5 s.
STAGGER = 0.05

#: How many servers start at once: each has a deadline, which a crowd of them would miss.
STARTING = 4


def run(scenarios: list[Scenario]) -> Outcomes:
    """Run all scenarios. Takes half a minute or so."""
    settings = dict.fromkeys(each.setting for each in scenarios)
    servers = [(name, setting) for setting in settings for name in (*PEERS, *OURS)]
    with ExitStack() as stack:
        with ThreadPoolExecutor(STARTING) as pool:
            starting = [pool.submit(_enter, *server) for server in servers]
        for each in starting:
            if each.exception() is None:
                stack.push(each.result()[1])
        peers = [each.result()[0] for each in starting]
        seen = asyncio.run(_run_clients(scenarios, peers))
        return {
            each.name: {
                peer.name: _outcome(each, peer, seen) for peer in peers if serves(peer, each)
            }
            for each in scenarios
        }


def _enter(name: str, setting: str) -> tuple[Peer, ExitStack]:
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="cb-"))
        peer = stack.enter_context(start(name, setting, Path(directory)))
        return peer, stack.pop_all()


def serves(peer: Peer, scenario: Scenario) -> bool:
    return peer.setting == scenario.setting


Seen = dict[tuple[str, str], Outcome]


async def _run_clients(scenarios: list[Scenario], peers: list[Peer]) -> Seen:
    """What the clients saw, by scenario and server."""
    seen: Seen = {}
    done = asyncio.Event()

    async def run_client(scenario: Scenario, peer: Peer, delay: float) -> None:
        await asyncio.sleep(delay)
        client = Client(scenario.name, peer.server, peer.record)
        client.others_done = done
        try:
            await scenario.client(client)
        finally:
            await client.leave()
        seen[scenario.name, peer.name] = client.outcome

    def start(when: When) -> asyncio.Future[list[None]]:
        now = [each for each in scenarios if each.when is when]
        return asyncio.gather(
            *(
                run_client(each, peer, number * STAGGER)
                for number, each in enumerate(now)
                for peer in peers
                if serves(peer, each)
            )
        )

    neighbours = start(When.THROUGHOUT)
    await start(When.TOGETHER)
    await start(When.ALONE)
    done.set()
    await neighbours
    await asyncio.to_thread(_settle, scenarios, peers)
    await start(When.LAST)
    return seen


def _settle(scenarios: list[Scenario], peers: list[Peer]) -> None:
    """Wait until each application has ended, and its failure is in the log."""
    ending = [each for each in scenarios if each.when is not When.LAST]

    def settled() -> bool:
        return all(_have_ended(ending, peer) for peer in peers)

    wait_for(settled, SETTLE)


def _have_ended(scenarios: list[Scenario], peer: Peer) -> bool:
    record = read(peer.record)
    return all(_has_ended(record.get(each.name, [])) for each in scenarios)


def _has_ended(noted: list[tuple[str, Any]]) -> bool:
    """Whether each application that a scenario has begun is done, and told of if it failed."""
    count = Counter(aspect for aspect, _ in noted)
    failed = dict(noted).get("end") not in (None, "returned", "cancelled")
    return count[BEGINNING] == count["end"] and ("log" in count or not failed)


def _outcome(scenario: Scenario, peer: Peer, seen: Seen) -> Outcome:
    """What the client saw and what the server noted."""
    outcome: Outcome = {**seen[scenario.name, peer.name], "events": [], "end": [], "log": []}
    for aspect, value in read(peer.record).get(scenario.name, []):
        if aspect != BEGINNING:
            outcome.setdefault(aspect, []).append(value)
    return outcome
