"""Signals that have echoes, and one that comes when a server has ended, and its process has not."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from contextlib import suppress
from unittest.mock import Mock

import pytest

from channels_bridge.common.exit_signals import Echoes
from channels_bridge.project import supervisor_program
from channels_bridge.server.errors import StartupError
from compat_tests.servers import REPOSITORY

PROGRAM = """
import asyncio, atexit, signal, sys, threading
from channels_bridge.common.exit_signals import exit_by_signals
from channels_bridge.common import exit_deadline

async def serve():
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    say("ready")
    await stop.wait()
    exit_by_signals((signal.SIGINT, signal.SIGTERM))

def say(text):
    print(text, flush=True)

def hold(text):
    say(text)
    sys.stdin.readline()

def finish():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.raise_signal(number)
    say("finished")

if sys.argv[1] == "exit":
    atexit.register(finish)  # called after the server's own
asyncio.run(serve())
if sys.argv[1] == "left":
    threading.Thread(target=hold, args=["held"]).start()
    exit_deadline.PATIENCE = 0.1
    exit_deadline.leave_soon(0)
if sys.argv[1] == "thread":
    threading.Thread(target=hold, args=["held"]).start()
elif sys.argv[1] == "main":
    hold("held")
"""


def end(process, number):
    """Send a signal as often as it takes.

    Python does not notice one that comes just before its main thread begins to wait for another.
    """
    for _ in range(20):
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
            return


async def test_echoes(monkeypatch):
    """What comes within a second of a signal that counts is its echo; no echo has others."""
    echoes, moments = Echoes(), iter([100, 100.2, 100.9, 101, 101.9, 103])
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "time", lambda: next(moments))
        assert [echoes.is_echo() for _ in range(6)] == [False, True, True, False, True, False]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("where", ["main", "thread", "exit"])
def test_a_signal_in_the_last_moment(where, number):
    """It changes nothing about the exit code: neither while something keeps the process, which it
    ends, nor while the interpreter ends.
    """
    command = [sys.executable, "-c", PROGRAM, where]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=REPOSITORY, **pipes) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        if where == "exit":
            assert process.stdout.readline() == b"finished\n"
        else:
            assert process.stdout.readline() == b"held\n"
            end(process, number)
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_threads_that_are_left_behind():
    """A process that doesn't wait for its threads says so, and nothing else."""
    command = [sys.executable, "-c", PROGRAM, "left"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=REPOSITORY, **pipes) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        (line,) = process.stderr.read().splitlines()
        assert b"ends without waiting for its threads: Thread-1" in line


@pytest.mark.parametrize(("error", "code"), [(StartupError("no place"), 1), (None, 0)])
def test_threads_of_the_settings_module(monkeypatch, error, code):
    """The program that the command becomes waits for them as little as the command does."""
    left = []
    monkeypatch.setattr(supervisor_program, "leave_soon", left.append)
    monkeypatch.setattr(supervisor_program, "supervise", Mock(side_effect=error))
    monkeypatch.setattr(supervisor_program, "prepare_logging", Mock())
    with suppress(SystemExit):
        supervisor_program.run(Mock(directories={}))
    assert left == [code]
