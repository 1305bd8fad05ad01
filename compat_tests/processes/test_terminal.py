"""A server with one worker in a terminal, as in development."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import termios
import time

import pytest

from compat_tests.processes.conftest import DEADLINE, SITE, Desk
from compat_tests.servers import BRIDGE_READY, environment

# Becomes the program that its arguments name, with the terminal that it reads from as its own.
TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


#: Colours and the cursor's ways, which pdb writes from Python 3.15 on.
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[=>])")


class Terminal:
    """What is on the screen of a server's terminal, and a keyboard."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.screen = ""  # what has not been waited for yet
        self.everything = ""

    def wait_for(self, wanted: str | re.Pattern[str]) -> re.Match[str]:
        """Wait until something is on the screen; what was before it is forgotten."""
        end = time.monotonic() + DEADLINE
        while (found := re.search(wanted, self.screen)) is None:
            if not select.select([self.master], [], [], end - time.monotonic())[0]:
                raise AssertionError(f"{wanted!r} is not on the screen:\n{self.screen}")
            text = os.read(self.master, 65536).decode().replace("\r\n", "\n")
            self.screen = ESCAPES.sub("", self.screen + text)
            self.everything += text
        self.screen = self.screen[found.end() :]
        return found

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)


@pytest.fixture
def terminal(socket_dir):
    """A server in the foreground of a terminal of its own."""
    master, slave = os.openpty()
    command = [sys.executable, "-c", TAKE_TERMINAL, sys.executable, "manage.py"]
    process = subprocess.Popen(
        [*command, "websockets_server", "-b", "127.0.0.1:0", "--worker-timeout", "1"],
        cwd=SITE,
        env=environment({"TMPDIR": str(socket_dir), "SCHEDULE": str(socket_dir / "schedule")}),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    terminal = Terminal(master)
    try:
        terminal.url = "ws://" + terminal.wait_for(BRIDGE_READY)[1]
        yield terminal
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_a_breakpoint(terminal):
    """breakpoint() gives a prompt, for longer than a worker may be stuck; the end of a server
    whose worker is at one leaves the terminal as it was.
    """
    server = type("Server", (), {"ws_url": terminal.url})
    with Desk(server).connected() as ask:
        ask.websocket.send('["stop_here"]')
        terminal.wait_for(r"\(Pdb\) ")
        prompted = time.monotonic()
        while time.monotonic() < prompted + 2.5:  # the limit, and what it takes to look
            terminal.type("p found + 1\n")
            terminal.wait_for(r"43\n\(Pdb\) ")
            select.select([], [], [], 0.2)
        terminal.type("c\n")
        assert ask.websocket.recv(DEADLINE) == "42"
        assert "stuck" not in terminal.everything and "killed" not in terminal.everything
        ask.websocket.send('["stop_here"]')
        terminal.wait_for(r"\(Pdb\) ")
        terminal.type("\x03")
        terminal.wait_for("SIGINT: stopping")
        terminal.type("\x03")
        terminal.wait_for("has not stopped and is killed")
    end = time.monotonic() + DEADLINE
    while not terminal.echoes() and time.monotonic() < end:
        select.select([], [], [], 0.01)
    assert terminal.echoes()
