"""Child processes as Python programs that run one function of this package.

They are not forked, as threads and a running event loop do not survive that. Nor are they
processes of ``multiprocessing``, which would run the project's main script once more, and leave the
application a start method, a parent and a key that it would not have under another server.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, Any, NoReturn

from channels_bridge.common.interpreter import python
from channels_bridge.common.process_title import set_title

#: Descriptors up to this one are a program's input and output, which all children have.
LAST_STANDARD_FD = 2

# The path comes first: this package, and what is unpickled, may be found by it only.
_CODE = (
    "import sys; sys.path[:] = {path}; "
    "from channels_bridge.common.child_program import run; run({fd})"
)


def start(
    target: str,
    *args: Any,
    fds: Sequence[int] = (),
    stdin: int | None = subprocess.DEVNULL,
    name: str = "",
) -> subprocess.Popen[bytes]:
    """Start a program that calls a function, and ends when that returns.

    It has this process's command line, ``sys.path``, options of the interpreter, environment and
    working directory.

    Args:
        target: ``module:attribute`` of the function.
        args: its arguments; pickled.
        fds: descriptors that it inherits, under the same numbers.
        stdin: as subprocess takes it; nothing to read by default.
        name: what the list of processes shows of it: at the end of its command line, or instead of
            that, where setproctitle is installed.

    Raises:
        OSError: it can't be started.
    """
    job = _pack(target, args, fds, name)
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen(_command(reader, name), pass_fds=[reader, *fds], stdin=stdin)
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    # A pipe that breaks: it has ended already.
    with contextlib.suppress(BrokenPipeError), open(writer, "wb") as pipe:
        pipe.write(job)
    return process


def become(target: str, *args: Any, fds: Sequence[int] = ()) -> NoReturn:
    """Replace this process by such a program, under the same process id (``exec``).

    The list of processes shows its former command line as well.

    Args:
        target: as above.

    Raises:
        OSError: that can't be.
    """
    file = _temporary_file()  # no pipe: nobody reads from that meanwhile
    file.write(_pack(target, args, fds))
    file.seek(0)
    for fd in (file.fileno(), *fds):
        os.set_inheritable(fd, True)
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    command = _command(file.fileno(), *sys.argv)
    os.execv(command[0], command)


def _temporary_file() -> IO[bytes]:
    # Portable builds of Python don't have it, and a sandbox may forbid it.
    make = getattr(os, "memfd_create", None)
    if make is not None:
        with contextlib.suppress(OSError):
            return open(make("job"), "r+b")  # where no directory can be written to, too
    return tempfile.TemporaryFile()


def _pack(target: str, args: Sequence[Any], fds: Sequence[int], name: str = "") -> bytes:
    return pickle.dumps((sys.argv, name, fds, target, pickle.dumps(args)))


def _command(fd: int, *shown: str) -> list[str]:
    path = [entry for entry in sys.path if isinstance(entry, str)]
    return [*_interpreter(), "-c", _CODE.format(path=ascii(path), fd=fd), *shown]


def _interpreter() -> list[str]:
    """Return the command that runs this Python, with its options."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [python(), *flags]


def run(fd: int) -> None:
    """Run the function; called by the program."""
    with open(fd, "rb") as pipe:
        try:
            sys.argv, name, fds, target, args = pickle.load(pipe)
        except EOFError:
            return  # who started it was killed meanwhile
    if name:
        set_title(name)
    for inherited in fds:
        # A listening socket may be where a program expects its input: it has to be there, or what
        # a child opens first would be.
        os.set_inheritable(inherited, inherited <= LAST_STANDARD_FD)
    load(target)(*pickle.loads(args))


def load(path: str) -> Any:
    """Return the object that ``module:attribute`` names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
