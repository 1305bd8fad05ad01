"""A child process as the supervisor sees it: its start, its lines, its end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import astuple, dataclass
from typing import Any

from channels_bridge.common import child_program
from channels_bridge.server.child.main import EARLY_SIGNALS, Descriptors
from channels_bridge.server.child.pipe import channel_pair
from channels_bridge.server.child.questions import question_pair
from channels_bridge.server.child.tracebacks import stack_pipe

logger = logging.getLogger("channels_bridge.server")


@dataclass(frozen=True)
class Service:
    """The description of what a child process runs, from which each restart makes a new one.

    Attributes:
        name: for log lines.
        title: for the list of processes; by default the name.
        main: ``module:attribute`` of a ``Main``, see ``child/main.py``.
        args: further arguments for it; pickled.
        number: of the worker; None for other services.
        interactive: whether it may read what the server can, as debuggers do.
    """

    name: str
    main: str
    args: tuple[Any, ...] = ()
    number: int | None = None
    interactive: bool = False
    title: str = ""


class Child:
    """One process; a restart makes a new one.

    Raises:
        OSError: it can't be started.
    """

    def __init__(self, service: Service) -> None:
        self.name = service.name
        self.started = time.monotonic()
        self.running = True
        self._killed_for = ""
        # If the process can't be started, both ends of each line are closed; else the child's.
        with ExitStack() as undo, ExitStack() as theirs:
            self.channel, sock = channel_pair()
            undo.callback(self.channel.close)
            theirs.enter_context(sock)
            self.questions, answers = question_pair()
            undo.callback(self.questions.close)
            theirs.enter_context(answers)
            self.stacks, stacks = stack_pipe()
            undo.callback(self.stacks.close)
            theirs.enter_context(stacks)
            life, held = os.pipe()  # at its end, the other end is readable
            undo.callback(os.close, life)
            theirs.callback(os.close, held)
            fds = Descriptors(sock.fileno(), answers.fileno(), stacks.fileno(), held)
            self.process = _start(service, fds)
            self._close_pipes = undo.pop_all().close
        self._life = life
        #: Readable once the process has ended.
        self.exit_fd = _open_exit_fd(self.process, life)

    def __str__(self) -> str:
        return f"{self.name} [{self.pid}]"

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self, reason: str) -> None:
        """Kill it; how it ended is then told in these words."""
        self._killed_for = reason
        self.process.kill()

    def reap(self) -> str:
        """Collect what an ended process left. Returns how it ended, in words."""
        code = self.process.wait()
        self.running = False
        if self.exit_fd != self._life:
            os.close(self.exit_fd)
        while self.channel.read():  # its last report may say why it failed
            pass
        self._close_pipes()
        if self.channel.failure or self._killed_for:
            return self.channel.failure or self._killed_for
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _start(service: Service, fds: Descriptors) -> subprocess.Popen[bytes]:
    signal.pthread_sigmask(signal.SIG_BLOCK, EARLY_SIGNALS)  # the child inherits that
    try:
        return child_program.start(
            "channels_bridge.server.child.main:run_child",
            service.main,
            fds,
            service.number,
            *service.args,
            fds=astuple(fds),
            stdin=None if service.interactive else subprocess.DEVNULL,
            name=service.title or service.name,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, EARLY_SIGNALS)


def _open_exit_fd(process: subprocess.Popen[bytes], life: int) -> int:
    """A descriptor that is readable once the child has ended: a pidfd, or else the pipe's.

    The pipe is the second best: whatever the child starts may hold it open.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # an old kernel, or no descriptor is left
            return os.pidfd_open(process.pid)
    return life
