"""The main function of child processes: signals, the event loop, the report of a failed start."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NoReturn

from channels_bridge.common.child_program import load
from channels_bridge.common.exit_deadline import leave_soon
from channels_bridge.common.forks import endure, handle_in_loop, keep_from_children
from channels_bridge.server.child import tracebacks
from channels_bridge.server.child.pipe import ChildEnd
from channels_bridge.server.debugging import prepare_breakpoints
from channels_bridge.server.errors import StartupError
from channels_bridge.server.worker_identity import become_worker

logger = logging.getLogger("channels_bridge.server")

#: Exit code of a child that could not start: 3, as uvicorn's and gunicorn's.
STARTUP_FAILURE = 3

#: Has a child close at once the connections that it closes little by little. Not a second SIGTERM:
#: systemd sends one to all processes of a service, so that a child may get one from each.
HURRY = signal.SIGQUIT

#: Ctrl-C, and the end of the terminal.
TERMINAL_SIGNALS = {signal.SIGINT, signal.SIGHUP}

#: Those that are blocked until a new child knows what to do about them: one that came before would
#: kill it.
EARLY_SIGNALS = {*TERMINAL_SIGNALS, tracebacks.SIGNAL}


class Stop(asyncio.Event):
    """Set when the child is to end: by SIGTERM, or by the child itself.

    Attributes:
        hurry: set when what is done little by little is to be done at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hurry = asyncio.Event()


Run = Callable[[ChildEnd, Stop], Coroutine[Any, Any, None]]
"""What a child does in its event loop until it is to stop."""

Main = Callable[..., Run]
"""``main(*args)`` is called before there is an event loop, as Django's setup and the import of an
application may use the database synchronously; what it returns is then run."""


@dataclass(frozen=True)
class Descriptors:
    """The file descriptors that a child is started with.

    Attributes:
        channel: its end of the pipe; see ``pipe.py``.
        answers: where the supervisor's questions come in; see ``questions.py``.
        stacks: a pipe for its tracebacks; see ``tracebacks.py``.
        life: a pipe that nothing is written to: its end-of-file tells the supervisor of the child's
            end, where the system has no better means.
    """

    channel: int
    answers: int
    stacks: int
    life: int


def run_child(main: str, fds: Descriptors, number: int | None, *args: Any) -> None:
    """Run ``main`` until SIGTERM or the supervisor's end: the program of a child.

    Signals that a terminal sends to the whole process group are ignored: the supervisor handles
    them, and tells its children.

    Args:
        main: ``module:attribute`` of a ``Main``.
        fds: inherited from the supervisor.
        number: of the worker; None for other children.
        args: of ``main``.
    """
    if number is not None:
        become_worker(number)
    life = open(fds.life, "wb", buffering=0)
    keep_from_children(life)
    _prepare_signals(fds.stacks)
    channel = ChildEnd(socket.socket(fileno=fds.channel), socket.socket(fileno=fds.answers))
    prepare_breakpoints()
    # The edge: whatever keeps a child from serving is told to the supervisor, which shows it.
    try:
        run: Run = load(main)(*args)
        run_loop(_run(run, channel))
    except StartupError as error:
        _fail(channel, str(error))
    except Exception as error:
        traceback.print_exc()
        _fail(channel, f"{type(error).__name__}: {error}")


def _prepare_signals(stacks: int) -> None:
    """Say what to do about the signals that were blocked at the start, and let them come."""
    for sent in TERMINAL_SIGNALS:
        endure(sent)
    tracebacks.offer(open(stacks, "wb", buffering=0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, EARLY_SIGNALS)  # blocked by who started it


def _fail(channel: ChildEnd, why: str) -> NoReturn:
    channel.failed(why)
    # The project may have started threads that do not end.
    leave_soon(STARTUP_FAILURE)
    sys.exit(STARTUP_FAILURE)


def run_loop(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where it is installed (extra ``uvloop``), else on asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(coroutine)
    else:
        uvloop.run(coroutine)


async def _run(run: Run, channel: ChildEnd) -> None:
    stop = Stop()
    handle_in_loop(signal.SIGTERM, stop.set)
    handle_in_loop(HURRY, stop.hurry.set)
    try:
        await run(channel, stop)
    except Exception:
        leave_soon(STARTUP_FAILURE)
        raise
    leave_soon(0)
