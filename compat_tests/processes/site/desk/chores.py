"""Processes and threads of an application, in the ways in which applications use them."""

import multiprocessing
import os
import pdb
import signal
import subprocess
import sys
import time

from channels_bridge.server import current_worker


def square(number):
    return number * number


def facts():
    """What a plain process is, too."""
    process = multiprocessing.current_process()
    return {
        "pid": os.getpid(),
        "worker": current_worker(),
        "name": process.name,
        "daemon": process.daemon,
        "has_parent": multiprocessing.parent_process() is not None,
        "methods": [multiprocessing.get_start_method(), multiprocessing.get_all_start_methods()[0]],
        "argv": sys.argv[:2],
        "main": vars(sys.modules["__main__"]).get("__file__"),
    }


def pool():
    """A pool whose processes are ended by SIGTERM; in a forked process nobody is a worker."""
    with multiprocessing.get_context("fork").Pool(2) as workers:
        return [*workers.map(square, [1, 2, 3]), workers.apply(current_worker)]


def spawned():
    """In a spawned process the project is as importable as here."""
    with multiprocessing.get_context("spawn").Pool(1) as workers:
        return workers.map(square, [4])


def signalled(number, at_once=True):
    """Send a signal to a forked process, or when it runs. Returns how it ended."""
    fork = multiprocessing.get_context("fork")
    running = fork.Event()
    process = fork.Process(target=announce, args=[running])
    process.start()
    assert at_once or running.wait(20)
    os.kill(process.pid, number)
    process.join(1)
    while process.is_alive():
        # Python 3.13 does not notice one just before the sleep of what a thread has forked.
        os.kill(process.pid, number)
        process.join(1)
    return process.exitcode


def announce(running):
    running.set()
    time.sleep(60)


def ignored():
    """Which signals a program that is started here ignores."""
    code = "import signal; print(*[n for n in (1, 2, 3, 15) if signal.getsignal(n) == 1])"
    return subprocess.check_output([sys.executable, "-c", code], text=True)


def helper():
    """Fork a process that stays."""
    pid = os.fork()
    if not pid:
        signal.pause()
    return pid


def fail():
    raise LookupError("a consumer's error")


def stop_here():
    found = 6 * 7
    breakpoint()
    return found


def stop_by_pdb():
    pdb.set_trace()


def leave_behind():
    """Start a process whose parent ends before it. Returns its process id."""
    shell = subprocess.run(["sh", "-c", "true & echo $!"], stdout=subprocess.PIPE, check=True)
    return int(shell.stdout)


def is_there(pid):
    """Whether there is such a process, if only as a zombie."""
    return os.path.exists(f"/proc/{pid}")
