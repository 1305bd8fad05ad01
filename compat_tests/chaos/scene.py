"""A hub, members on it, and faults."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ..groups.hubs import ENVIRONMENT, ROOT, HubProcess
from .journal import read_all
from .verdict import Verdict, judge

# Larger than all that a member may get while it is stopped.
CAPACITY = 1_000_000

# How long a member may take to start, or to end, in seconds.
DEADLINE = 60


class MemberProcess:
    """A process that sends and records."""

    def __init__(self, directory: Path, name: str, config: dict[str, object]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "compat_tests.chaos.member"),
                *(str(directory), name, json.dumps(config)),
            ],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def expect(self, word: str) -> None:
        """Wait until it says that."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == f"{word}\n", (self.name, word, line)

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def finish(self) -> None:
        """Tell it that everybody has sent everything."""
        assert self.process.stdin is not None
        self.process.stdin.write("all sent\n")
        self.process.stdin.flush()

    def end(self) -> int:
        """Wait until it has ended; returns its exit code."""
        with self.process:
            return self.process.wait(DEADLINE)


class Scene:
    """
    Members on one hub.

    Args:
        directory: where the journals go, and the socket.
        members: how many.
        seed: what to do, and when.
        confirmed: whether members wait until each message has arrived everywhere.
        pause: how long a process that is stopped stays so, in seconds.
    """

    def __init__(
        self, directory: Path, *, members: int, seed: int, confirmed: bool, pause: float
    ) -> None:
        self.faults: list[str] = []
        self._directory = directory
        self._random = random.Random(seed)
        self._confirmed = confirmed
        self._pause = pause
        self._started = 0
        self._timers: list[threading.Timer] = []
        self._hub = HubProcess(f"unix:{directory}/groups.sock")
        self._members: list[MemberProcess] = []
        for _ in range(members):
            self._add_member()

    def suffer(self, fault: str) -> None:
        """Let something happen: to ``hub`` or ``member``, that it is ``killed`` or ``stopped``.

        Several at a time are joined by `` + ``.
        """
        self.faults.append(fault)
        faults: dict[str, Callable[[], None]] = {
            "hub killed": self._kill_hub,
            "hub stopped": self._stop_hub,
            "member killed": self._kill_member,
            "member stopped": self._stop_member,
        }
        for part in fault.split(" + "):
            faults[part]()

    def shuffle(self, faults: Sequence[str]) -> list[str]:
        """Bring faults into the order of the seed."""
        return self._random.sample(faults, len(faults))

    def wait(self, longest: float) -> None:
        """Let some time pass, up to `longest` seconds: when a fault comes is what is tried."""
        time.sleep(self._random.uniform(0, longest))

    def end(self) -> Verdict:
        """Let everybody send and get what is left, and judge."""
        for timer in self._timers:
            timer.join()
        for member in self._members:
            member.process.send_signal(signal.SIGTERM)
        for member in self._members:
            member.expect("sent")
        for member in self._members:
            member.finish()
        for member in self._members:
            assert member.end() == 0, member.name
        self._hub.close()
        return judge(read_all(self._directory), confirmed=self._confirmed)

    def abort(self) -> None:
        """Leave nothing behind, whatever happened."""
        for timer in self._timers:
            timer.cancel()
        for member in self._members:
            member.kill()
        if self._hub.process.returncode is None:
            self._hub.kill()

    def _add_member(self) -> None:
        self._started += 1
        config = {
            "address": self._hub.address,
            "capacity": CAPACITY,
            "confirm": self._confirmed,
            "timeout": 10,
        }
        member = MemberProcess(self._directory, f"member-{self._started}", config)
        self._members.append(member)
        member.expect("joined")

    def _kill_hub(self) -> None:
        self._hub.kill()
        self.wait(0.5)
        self._hub.start()

    def _stop_hub(self) -> None:
        self._stop(self._hub.process)

    def _kill_member(self) -> None:
        member = self._random.choice(self._members)
        self._members.remove(member)
        member.kill()
        self._add_member()

    def _stop_member(self) -> None:
        self._stop(self._random.choice(self._members).process)

    def _stop(self, process: subprocess.Popen[str]) -> None:
        """Stop a process; it goes on after a while, whatever happens to others meanwhile."""
        process.send_signal(signal.SIGSTOP)
        timer = threading.Timer(self._pause, process.send_signal, [signal.SIGCONT])
        timer.start()
        self._timers.append(timer)
