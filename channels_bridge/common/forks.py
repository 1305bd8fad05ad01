"""Fork safety: signal handlers and descriptors that what the application forks must not share.

A fork without exec, as multiprocessing and ``os.fork()`` make it, inherits our signal handlers with
the descriptor by which they wake the event loop, so that a signal to the child would be followed by
its parent; and our sockets, so that clients and the supervisor would not see a worker's end while
such a child lives. In the child, signals do again what they do in any Python program, and the
descriptors lead nowhere. They keep their numbers: whoever closes one later closes no other's.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol
from weakref import WeakSet


class _File(Protocol):
    def fileno(self) -> int: ...


_undo: dict[int, Callable[[], object]] = {}  # by signal: what gives it back
_files: WeakSet[_File] = WeakSet()
_masks = threading.local()  # of threads that are forking: the signals that they had blocked


def handle_in_loop(number: int, callback: Callable[[], object]) -> None:
    """Call back from the running loop when a signal comes to this process, not to a child."""
    asyncio.get_running_loop().add_signal_handler(number, callback)
    _undo[number] = partial(_give_back, number, signal.getsignal(number))


def endure(number: int) -> None:
    """Ignore a signal, but not in the programs that are started from here.

    A handler is reset by exec, where a signal that is ignored stays so. One that whoever started
    this process has let it ignore stays ignored for all.
    """
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, _do_nothing)
        _undo[number] = partial(_give_back, number, _do_nothing)


def undo_in_children(number: int, undo: Callable[[], object]) -> None:
    """Call ``undo`` in each child, for a signal that is handled in some other way."""
    _undo[number] = undo


def keep_from_children(*files: _File) -> None:
    """Keep forked children from having these open. What is closed or collected is forgotten."""
    for file in files:
        _files.add(file)


def _do_nothing(number: int, frame: object) -> None:
    """A handler that ignores: exec resets it, where ``SIG_IGN`` would be inherited."""


def _give_back(number: int, handler: object) -> None:
    if signal.getsignal(number) == handler:  # else the application has its own
        signal.signal(number, signal.SIG_DFL)


def _before() -> None:
    # A signal that comes between the fork and the end of what follows it must wait.
    _masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, _undo) if _undo else None


def _in_parent() -> None:
    if _masks.before is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)


def _in_child() -> None:
    with suppress(OSError):  # no descriptor is left
        _let_go()
    if _masks.before is not None:
        _give_all_back()


def _give_all_back() -> None:
    signal.set_wakeup_fd(-1)
    for undo in _undo.values():
        undo()
    _undo.clear()
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.before)
    # Not before a Ctrl-C that has waited has come: its KeyboardInterrupt would be lost in here.
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _let_go() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for file in _files:
        with suppress(ValueError):  # it is closed
            if (fd := file.fileno()) >= 0:
                os.dup2(null, fd, inheritable=False)
    _files.clear()
    os.close(null)


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
