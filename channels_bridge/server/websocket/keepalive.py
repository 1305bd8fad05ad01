"""Keepalive: pings, and the end of clients that do not answer them (RFC 6455, 5.5.2 and 5.5.3)."""

from __future__ import annotations

import asyncio
import os
from math import ceil
from typing import Protocol

#: Looks within an interval, so that what falls due at a time is a hundredth of all. A ping is late
#: by one of them at most, and so is the end of the wait for a pong.
LOOKS = 100


class Client(Protocol):
    """Somebody who is sent pings.

    Attributes:
        pinged: the payload of the ping that has no pong yet. The keepalive's, as the next one is.
        turn: the timer slot that this client waits in; None where it waits in none.
    """

    pinged: bytes | None
    turn: set[Client] | None

    def ping(self, payload: bytes) -> None:
        """Send a ping."""

    def pong_overdue(self) -> None:
        """The answer did not come in time; ``wait`` gives it more."""


class Keepalive:
    """Sends each client a ping after ``interval``, waits for its pong, and begins again.

    One timer serves all clients of a worker: one for each would take half a KiB, and the many that
    are replaced all the time would keep the garbage collector busy.

    Args:
        interval: seconds; 0 sends none.
        timeout: seconds for a client to answer.
    """

    def __init__(self, interval: float, timeout: float) -> None:
        self._interval = interval
        self._timeout = timeout
        self._step = min(interval or timeout, timeout) / LOOKS  # seconds
        self._turns: dict[int, set[Client]] = {}  # slots: step of the loop's clock -> clients
        self._timer: asyncio.TimerHandle | None = None

    def start(self, client: Client) -> None:
        if self._interval:
            self._plan(client, self._interval)

    def stop(self, client: Client) -> None:
        client.pinged = None
        if client.turn is not None:
            client.turn.discard(client)
            client.turn = None

    def wait(self, client: Client) -> None:
        """Wait for the pong, from now on."""
        self._plan(client, self._timeout)

    def answered(self, client: Client, payload: bytes) -> None:
        """A pong came; those that answer no ping of ours mean nothing (RFC 6455, 5.5.3)."""
        if payload == client.pinged:
            client.pinged = None
            self.start(client)

    def _plan(self, client: Client, delay: float) -> None:
        if client.turn is not None:
            client.turn.discard(client)
        loop = asyncio.get_running_loop()
        step = ceil((loop.time() + delay) / self._step)
        client.turn = self._turns.setdefault(step, set())
        client.turn.add(client)
        if self._timer is None:
            self._timer = loop.call_later(self._step, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time() / self._step
        for step in sorted(step for step in self._turns if step <= now):
            turn = self._turns.pop(step)
            while turn:
                client = turn.pop()
                client.turn = None
                self._take(client)
        self._timer = loop.call_later(self._step, self._look) if self._turns else None

    def _take(self, client: Client) -> None:
        if client.pinged is not None:
            client.pong_overdue()
        else:
            client.pinged = os.urandom(4)  # so that no earlier pong is taken for its answer
            client.ping(client.pinged)
            self.wait(client)
