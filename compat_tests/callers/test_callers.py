"""``group_send`` from wherever a project calls it reaches the members on every worker, once."""

from __future__ import annotations

import json
import textwrap
from urllib.request import urlopen

import pytest

from compat_tests.callers.conftest import DEADLINE, MEMBERS, heard, running_project

SETUP = """
import asyncio, multiprocessing, os, signal, sys, threading
import django
django.setup()
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.core.signals import request_started

def say(text):
    async_to_sync(get_channel_layer().group_send)("lobby", {"type": "room.message", "text": text})

async def asay(text):
    await get_channel_layer().group_send("lobby", {"type": "room.message", "text": text})
"""

CALLERS = {
    "script": "say('hi')",
    "running loop": "asyncio.run(asay('hi'))",
    "thread": """
        thread = threading.Thread(target=say, args=['hi'])
        thread.start()
        thread.join()
    """,
    "view under WSGI": """
        from django.core.handlers.wsgi import WSGIHandler
        from wsgiref.util import setup_testing_defaults
        request = {"PATH_INFO": "/publish/lobby/", "QUERY_STRING": "text=hi"}
        setup_testing_defaults(request)
        request["HTTP_HOST"] = "localhost"
        print(WSGIHandler()(request, print))
    """,
    "receiver of a Django signal": """
        def receiver(**kwargs):
            say("hi")
        request_started.connect(receiver)
        request_started.send(sender=None)
    """,
    "handler of an OS signal": """
        signal.signal(signal.SIGUSR1, lambda *_: say("hi"))
        os.kill(os.getpid(), signal.SIGUSR1)
    """,
    "fork, parent unused": """
        pid = os.fork()
        if not pid:
            say("hi")
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    """,
    "fork, parent used": """
        say("warm-up")
        pid = os.fork()
        if not pid:
            say("hi")
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    """,
    "pool of forked workers": """
        say("warm-up")
        with multiprocessing.get_context("fork").Pool(1) as pool:
            pool.apply(say, ["hi"])
    """,
}


@pytest.fixture(scope="module", params=["grpc", "nats"])
def project(request):
    """One for all of these, which do it no harm; its groups are on a hub, or on NATS."""
    url = request.getfixturevalue("nats_server").url if request.param == "nats" else ""
    with running_project(nats_url=url) as project:
        yield project


@pytest.fixture(autouse=True)
def log(project):
    """Print what the server says during one test, so that pytest shows it beside a failure."""
    before = len(project.server.log())
    yield
    print(project.server.log()[before:])


@pytest.mark.parametrize("caller", CALLERS)
def test_caller(project, caller):
    """A message from another process of the project arrives at each member exactly once."""
    source = textwrap.dedent(CALLERS[caller])
    expected = ["warm-up", "hi", "last"] if "warm-up" in source else ["hi", "last"]
    with project.members() as members:
        project.run("-c", f"{SETUP}\n{source}")
        members[0].send(json.dumps({"text": "last"}))
        assert heard(members, len(expected)) == [expected] * MEMBERS


def test_shell(project):
    """``manage.py shell`` can send to a group, small messages and large ones."""
    with project.members() as members:
        source = "say('hi')\nsay('x' * 2**21)\nsay('last')"
        project.run("manage.py", "shell", "-c", f"{SETUP}\n{source}")
        assert heard(members, 3) == [["hi", "x" * 2**21, "last"]] * MEMBERS


def test_view_of_the_server_itself(project):
    """A page of the same server sends to a group, whatever its view does to the event loop."""
    with project.members() as members:
        for view, count in {"publish": 1, "apublish": 1, "publish-from-threads": 8}.items():
            with urlopen(f"{project.server.url}/{view}/lobby/?text=hi", timeout=DEADLINE) as page:
                page.read()
            assert heard(members, count) == [["hi"] * count] * MEMBERS, view


def test_a_thousand_calls_leak_nothing(project):
    """1,000 calls in a row from one process: no thread, descriptor or loop more than after ten."""
    source = """
    import gc
    def held():
        gc.collect()
        loops = sum(isinstance(o, asyncio.AbstractEventLoop) for o in gc.get_objects())
        return threading.active_count(), len(os.listdir("/proc/self/fd")), loops
    for number in range(10):
        say(number)
    before = held()
    for number in range(10, 1000):
        say(number)
    assert held() == before, (before, held())
    """
    with project.members(1) as members:
        project.run("-c", SETUP + textwrap.dedent(source))
        assert heard(members[:1], 1000) == [list(range(1000))]
