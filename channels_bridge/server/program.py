"""A Python program that runs one function of this package: what each child process is.

It is not forked, as gRPC, threads and a running event loop do not survive that. Nor is it a process
of multiprocessing's, which would run the project's main script once more, and leave the application
a start method, a parent and a key that a process which nobody started so does not have.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# The path comes first: this package, and what is unpickled, may be found by it only.
_CODE = (
    "import sys; sys.path[:] = {path}; from channels_bridge.server.program import run; run({fd})"
)


def start(
    target: str, *args: Any, fds: Sequence[int] = (), stdin: int | None = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program that calls a function, and ends when that returns.

    It has this process's command line, ``sys.path``, options of the interpreter, environment and
    working directory.

    Args:
        target: ``module:attribute`` of the function.
        args: its arguments; pickled.
        fds: descriptors that it inherits, under the same numbers.
        stdin: as subprocess takes it; nothing to read by default.

    Raises:
        OSError: it can't be started.
    """
    job = pickle.dumps((sys.argv, fds, target, pickle.dumps(args)))
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen(
            [*_interpreter(), "-c", _code(reader)], pass_fds=[reader, *fds], stdin=stdin
        )
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    # A pipe that breaks: it has ended already.
    with contextlib.suppress(BrokenPipeError), open(writer, "wb") as pipe:
        pipe.write(job)
    return process


def _code(fd: int) -> str:
    path = [entry for entry in sys.path if isinstance(entry, str)]
    return _CODE.format(path=ascii(path), fd=fd)


def _interpreter() -> list[str]:
    """The command that runs this Python, with its options."""
    executable = Path(sys.executable or "")
    if not executable.name.startswith(("python", "pypy")):
        # Python is embedded: this is the name of the program that embeds it, as uWSGI does.
        executable = Path(sys.exec_prefix, "bin", "python3")
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [str(executable), *flags]


def run(fd: int) -> None:
    """What the program does."""
    with open(fd, "rb") as pipe:
        try:
            sys.argv, fds, target, args = pickle.load(pipe)
        except EOFError:
            return  # who started it was killed meanwhile
    for inherited in fds:
        os.set_inheritable(inherited, False)
    load(target)(*pickle.loads(args))


def load(path: str) -> Any:
    """The object that ``module:attribute`` names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
