"""Run Daphne, uvicorn or ``websockets_server`` on a Django project, as real processes.

Each context manager starts one server, waits until it says where it listens, and at the end stops
it and checks that none of its processes is left::

    with websockets_server(PROJECT, workers=2) as server:
        with connect(server.ws_url + "/echo/") as websocket:
            ...

``server.connect()`` opens a socket, TCP and unix alike. What a server prints is in
``server.log()``.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psutil

from compat_tests.clients.raw_connection import DEADLINE, open_socket

START_DEADLINE = 60.0  # seconds; a start costs 1 to 3 on an idle machine
STOP_DEADLINE = 20.0
POLL = 0.02

REPOSITORY = Path(__file__).resolve().parent.parent

# What each server prints once it accepts connections: "host:port" or the socket's path, which
# "unix:" may stand before, is group 1. Daphne names a path before it listens there.
DAPHNE_READY = re.compile(
    r"(?:Listening on TCP address |Configuring endpoint (?=unix))([^:]+:[^\s:]+)"
)
UVICORN_READY = re.compile(r"Uvicorn running on (?:http://|unix socket )(\S+)")
BRIDGE_READY = re.compile(r"^Listening at (?:https?://)?([^\s/]+:(?:/\S+|\d+))", re.MULTILINE)


class ServerFailed(Exception):
    """A server ended, or said nothing, where it should have come up."""


class Server:
    """One running server.

    Args:
        process: its main process, leader of a session of its own.
        log_path: the file that takes its stdout and stderr, its workers' too.
        ready: matches one line of the log for each address that it serves.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], log_path: Path, ready: re.Pattern[str]
    ) -> None:
        self.process = process
        self.log_path = log_path
        self._ready = ready

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def addresses(self) -> list[str]:
        """Each ``host:port`` or ``unix:/path`` served, in order."""
        found = self._ready.findall(self.log())
        return [f"unix:{each}" if each.startswith("/") else each for each in found]

    @property
    def address(self) -> str:
        """The first address served."""
        return self.addresses[0]

    @property
    def port(self) -> int:
        """The port, if the first address is TCP."""
        return int(self.address.rpartition(":")[2])

    @property
    def path(self) -> str:
        """The socket's path, if the first address is a unix socket."""
        return self.address.removeprefix("unix:")

    @property
    def url(self) -> str:
        """The site's root, without a slash at the end; ``http://localhost`` on a unix socket."""
        return "http://localhost" if self.address.startswith("unix:") else f"http://{self.address}"

    @property
    def ws_url(self) -> str:
        return "ws" + self.url.removeprefix("http")

    def connect(self, timeout: float = DEADLINE) -> socket.socket:
        """Open a connection to the first address served."""
        return open_socket(self.address, timeout)

    def log(self) -> str:
        """Everything printed so far."""
        return self.log_path.read_text(errors="replace")

    def wait_until(self, condition: Callable[[], object], what: str, deadline: float) -> None:
        """Wait until ``condition()``; ``ServerFailed`` with the log after ``deadline`` seconds."""
        if not wait_for(condition, deadline):
            raise ServerFailed(f"{what}: not within {deadline:g} s\n{self.log()}")

    def wait_for_log(self, text: str, count: int = 1, deadline: float = START_DEADLINE) -> None:
        """Wait until the log has ``text``, ``count`` times."""
        self.wait_until(lambda: self.log().count(text) >= count, f"{text!r} in the log", deadline)

    def wait_ready(self, binds: int, deadline: float) -> None:
        """Wait until the server listens on ``binds`` addresses."""
        self.wait_until(
            lambda: self._listens(binds) or self.process.poll() is not None, "listening", deadline
        )
        if self.process.poll() is not None:
            raise ServerFailed(f"exit code {self.process.returncode}\n{self.log()}")

    def _listens(self, binds: int) -> bool:
        addresses = self.addresses
        paths = [each.removeprefix("unix:") for each in addresses if each.startswith("unix:")]
        return len(addresses) >= binds and all(map(os.path.exists, paths))

    def processes(self) -> list[psutil.Process]:
        """The server's living processes: all of its session, whoever their parent is by now."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            own = os.getsid(process.pid) == self.pid
            return own and process.status() != psutil.STATUS_ZOMBIE
        except (ProcessLookupError, PermissionError, psutil.Error):
            return False

    def children(self) -> list[psutil.Process]:
        """The server's processes other than the main one: workers, the hub."""
        return [process for process in self.processes() if process.pid != self.pid]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def signal_again(self, number: signal.Signals) -> None:
        """Send one more signal that ends it: as often as it takes, as one that comes soon after
        another is taken for its echo.
        """
        heard = self.log().count(" again: ")

        def is_heard() -> bool:
            if self.process.poll() is not None or self.log().count(" again: ") > heard:
                return True
            self.signal(number)
            return False

        self.wait_until(is_heard, f"{number.name} again", STOP_DEADLINE)

    def wait(self, deadline: float = STOP_DEADLINE) -> int:
        """Wait for the main process to end. Returns its exit code."""
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise ServerFailed(f"still running after {deadline:g} s\n{self.log()}") from None

    def stop(self, deadline: float = STOP_DEADLINE) -> int:
        """Ask the server to end, as an init system does. Returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(deadline)

    def clean_up(self) -> None:
        """End whatever still runs; ``ServerFailed`` if the main process left others behind."""
        try:
            if self.process.poll() is None:
                self.stop()
            left = [] if wait_for(lambda: not self.processes(), 5.0) else self.processes()
        finally:
            for process in self.processes():
                process.kill()
            self.process.wait()
        if left:
            raise ServerFailed(f"processes left behind: {left}\n{self.log()}")


def wait_for(condition: Callable[[], object], deadline: float) -> bool:
    """Poll ``condition`` for at most ``deadline`` seconds. Returns whether it came true."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL)
    return True


def daphne(
    project: Path,
    application: str = "mysite.asgi:application",
    *,
    module: str = "daphne",
    unix: Path | None = None,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> AbstractContextManager[Server]:
    """Daphne, or a ``module`` that runs it, on the unix socket or a free port of 127.0.0.1."""
    where = ["-u", str(unix)] if unix else ["-b", "127.0.0.1", "-p", "0"]
    command = [sys.executable, "-m", module, *where, *arguments, application]
    return running(command, project, DAPHNE_READY, env=env)


@contextmanager
def uvicorn(
    project: Path,
    application: str = "mysite.asgi:application",
    *,
    workers: int = 1,
    unix: Path | None = None,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[Server]:
    """uvicorn on the unix socket or a free port of 127.0.0.1."""
    where = ["--uds", str(unix)] if unix else ["--port", "0"]
    command = [sys.executable, "-m", "uvicorn", *where, "--workers", str(workers)]
    command += ["--no-use-colors", *arguments, application]
    with running(command, project, UVICORN_READY, env=env) as server:
        server.wait_for_log("Application startup complete", workers, START_DEADLINE)
        yield server


def websockets_server(
    project: Path,
    *,
    manage: Sequence[str] = ("manage.py",),
    workers: int = 1,
    unix: Path | None = None,
    binds: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    deadline: float = START_DEADLINE,
    log_directory: Path | None = None,
) -> AbstractContextManager[Server]:
    """The project's command ``websockets_server``, run by ``manage``.

    It listens on ``binds``, or on the unix socket, or else on a free port of 127.0.0.1.
    """
    binds = binds or [f"unix:{unix}" if unix else "127.0.0.1:0"]
    options = [option for bind in binds for option in ("-b", bind)]
    command = [sys.executable, *manage, "websockets_server", *options, "-w", str(workers)]
    return running(
        [*command, *arguments],
        project,
        BRIDGE_READY,
        env=env,
        binds=len(binds),
        deadline=deadline,
        log_directory=log_directory,
    )


def engine(
    bind: str = "127.0.0.1:0",
    application: str = "echo",
    workers: int = 2,
    *options: str,
    env: Mapping[str, str] | None = None,
) -> AbstractContextManager[Server]:
    """The engine under its supervisor, without Django: serves one of ``server.applications``."""
    arguments = [bind, application, str(workers), *options]
    command = [sys.executable, "-m", "compat_tests.server.run", *arguments]
    return running(command, REPOSITORY, BRIDGE_READY, env=env)


@contextmanager
def running(
    command: Sequence[str],
    directory: Path,
    ready: re.Pattern[str],
    *,
    env: Mapping[str, str] | None = None,
    binds: int = 1,
    deadline: float = START_DEADLINE,
    pass_fds: Sequence[int] = (),
    log_directory: Path | None = None,
) -> Iterator[Server]:
    """Run a server's command line in ``directory`` until the end of the block.

    The log is printed if the block fails, so that pytest shows it.
    """
    with tempfile.TemporaryDirectory(prefix="cb-log-", dir=log_directory) as name:
        log_path = Path(name) / "server.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=pass_fds,
            )
        server = Server(process, log_path, ready)
        try:
            server.wait_ready(binds, deadline)
            yield server
        except BaseException:
            print(server.log())
            raise
        finally:
            server.clean_up()


def run_python(
    project: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    code: int | None = 0,
    merged: bool = False,
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run Python in a project to its end, as in ``manage.py check``.

    Args:
        code: which it must exit with; None for any.
        merged: whether what goes to stderr is part of stdout.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env=environment(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        timeout=timeout,
    )
    assert code in (None, done.returncode), done.stderr or done.stdout
    return done


@contextmanager
def no_descriptors(pid: int) -> Iterator[None]:
    """The process gets no new descriptor meanwhile; it keeps those that it has. Linux only."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
    yield
    with suppress(ProcessLookupError):  # it was killed meanwhile
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, for a project's process: without our settings, with our code."""
    env = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    paths = [str(REPOSITORY), *filter(None, [env.get("PYTHONPATH")])]
    return {**env, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", **extra}
