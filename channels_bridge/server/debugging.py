"""Debuggers in a worker: where they have a terminal, and what is said where they have none.

Spec deviation: under Daphne and uvicorn there is always a prompt, as there is one process.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import termios
import traceback
from bdb import BdbQuit
from collections.abc import Iterator
from contextlib import contextmanager, suppress

logger = logging.getLogger("channels_bridge.server")

#: What is said where a debugger can't be used.
NO_TERMINAL = (
    "a debugger needs a terminal, which a worker has if it is the only one: start the server in a "
    "terminal with -w 1, or name a remote debugger in the variable PYTHONBREAKPOINT"
)

#: The call in which a debugger waits for somebody, in a stack as faulthandler writes it. A project
#: may have modules that are called as Python's.
_WAITING = re.compile(
    rf'"{re.escape(os.path.dirname(os.__file__))}/(?:pdb|bdb)\.py", line \d+ in '
    r'|[/\\]pydevd\w*\.py", line \d+ in _?do_wait_suspend'
)


def prepare_breakpoints() -> None:
    """Let ``breakpoint()`` say that there is no terminal, and go on, where there is none."""
    usual = os.environ.get("PYTHONBREAKPOINT", "") in ("", "pdb.set_trace")
    if usual and not _has_terminal():
        sys.breakpointhook = _say_why


def _has_terminal() -> bool:
    with suppress(ValueError, AttributeError):  # it is closed
        return sys.stdin.isatty()
    return False


def _say_why(*args: object, **kwargs: object) -> None:
    caller = sys._getframe(1)
    place = f"{caller.f_code.co_filename}, line {caller.f_lineno}"
    logger.warning("breakpoint() is skipped (%s): %s", place, NO_TERMINAL)


def without_exit(error: BaseException) -> BaseException:
    """Return ``BdbQuit`` for the ``SystemExit`` that is pdb's from Python 3.14 on; others as is.

    Whoever leaves pdb would end the worker, with all its connections; as would its first prompt
    where there is no terminal.
    """
    if isinstance(error, SystemExit):
        frame = [*traceback.walk_tb(error.__traceback__)][-1][0]
        if frame.f_globals.get("__name__") == "pdb":
            return BdbQuit()
    return error


def why_debugger_was_left() -> str:
    """Explain ``BdbQuit``, which a debugger raises that was entered in another way."""
    return "the debugger was left" if _has_terminal() else f"the debugger ended: {NO_TERMINAL}"


def is_debugged(stacks: str) -> bool:
    """Whether somebody may be at the prompt of a debugger: then everything waits."""
    return _WAITING.search(stacks) is not None


@contextmanager
def keeping_terminal() -> Iterator[None]:
    """Leave the terminal as it was: who is killed at a prompt leaves it without an echo."""
    saved = None
    with suppress(OSError, ValueError, AttributeError, termios.error):
        if os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp():  # others would be stopped
            saved = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        with suppress(OSError, ValueError, termios.error):
            if saved is not None and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp():
                termios.tcsetattr(sys.stdin, termios.TCSANOW, saved)
