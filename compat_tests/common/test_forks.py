"""Processes that are forked, without exec, from one that handles signals and holds sockets."""

from __future__ import annotations

import subprocess
import sys

import pytest

from compat_tests.servers import REPOSITORY

# What workers, supervisors and hubs do about signals and sockets, and then an application forks:
# from the loop's thread and from another, where it sends the child each signal at once.
SCRIPT = """
import asyncio, faulthandler, multiprocessing, os, signal, socket, sys, threading, time
from channels_bridge.server.child import tracebacks
from channels_bridge.common.forks import endure, handle_in_loop, keep_from_children

followed = []
LOOPED = [signal.SIGTERM, signal.SIGQUIT]
ENDURED = [signal.SIGINT, signal.SIGHUP]
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it, for all that it starts
ours, theirs = socket.socketpair()
shown, pipe = tracebacks.stack_pipe()

def wait(number):
    time.sleep(60)

def fork(number):
    parent = os.getpid()
    try:
        pid = os.fork()
        if not pid:
            time.sleep(60)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    finally:
        if os.getpid() != parent:
            os._exit(0)
    ended = 0
    while not ended:  # Python may not notice a signal that comes just before it sleeps
        os.kill(pid, number)
        for _ in range(100):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.01)
    return os.waitstatus_to_exitcode(status)

def try_each():
    for number in [*LOOPED, *ENDURED, tracebacks.SIGNAL]:
        for _ in range(3):
            assert fork(number) == -number, number
    with multiprocessing.Pool(2) as pool:  # which ends its processes by SIGTERM
        assert pool.map(abs, [-1, -2]) == [1, 2]
    process = multiprocessing.Process(target=wait, args=[0])
    process.start()
    process.terminate()
    process.join()
    assert process.exitcode == -signal.SIGTERM
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert not mask, mask

def let_go():
    # As when a worker is killed while what it has forked lives on.
    theirs.settimeout(10)
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    ours.close()
    assert theirs.recv(1) == b"", "it is still open in the child"
    os.close(writer)
    assert os.waitpid(pid, 0)[1] == 0

async def main():
    for number in ENDURED:
        endure(number)
    for number in LOOPED:
        handle_in_loop(number, lambda number=number: followed.append(number))
    tracebacks.offer(pipe)
    keep_from_children(ours)
    try_each()
    await asyncio.to_thread(try_each)
    let_go()
    assert not shown.read()
    await asyncio.sleep(0.01)
    assert not followed, followed
    for number in [*ENDURED, *LOOPED, tracebacks.SIGNAL]:
        os.kill(os.getpid(), number)
    while followed != LOOPED:
        await asyncio.sleep(0.01)
    assert "in main" in shown.read()
    status = await asyncio.to_thread(os.popen("grep SigIgn /proc/self/status").read)
    assert int(status.split()[1], 16) & sum(1 << number - 1 for number in ENDURED) == 0, status

multiprocessing.set_start_method("fork")
if sys.argv[1] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
print("done")
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_forks(loop):
    """A signal to a forked child is not its parent's; nor has the child what clients wait for."""
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, loop],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stdout == "done\n", result.stderr


def test_what_is_ignored_already():
    """What nohup or a shell without job control lets a server ignore stays ignored."""
    code = (
        "import signal; from channels_bridge.common.forks import endure; "
        "signal.signal(signal.SIGHUP, signal.SIG_IGN); endure(signal.SIGHUP); "
        "print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=REPOSITORY) == b"True\n"
