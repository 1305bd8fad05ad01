"""``manage.py runworker``: real worker processes on a real hub, and on a real node of NATS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import closing, contextmanager, suppress

import pytest
from django.utils.module_loading import import_string

from channels_bridge.common.exit_signals import ECHO
from channels_bridge.layers import GrpcChannelLayer
from compat_tests.groups.hubs import DEADLINE, HubProcess, soon
from compat_tests.servers import REPOSITORY
from compat_tests.tracing.recorder import RECORDER


@pytest.fixture
def address(socket_dir):
    return f"unix:{socket_dir}/groups.sock"


over_both = pytest.mark.parametrize("backend", ["hub", "NATS"], indirect=True)


@pytest.fixture
def backend(request, address):
    """The setting of a layer over what joins worker and test: a hub, or a node of NATS."""
    if getattr(request, "param", "hub") == "NATS":
        server = request.getfixturevalue("nats_server")
        yield setting("Nats", servers=server.url, prefix=f"workers-{uuid.uuid4().hex}")
        return
    with closing(HubProcess(address)):
        yield setting("Grpc", address=address)


def setting(kind, **config):
    backend = f"channels_bridge.layers.{kind}ChannelLayer"
    return {"BACKEND": backend, "CONFIG": {"timeout": 1, **config}}


@pytest.fixture
def nobody(address):
    """The setting of a layer whose hub does not run."""
    return setting("Grpc", address=address)


@pytest.fixture
async def layer(backend):
    """The layer of the test's own process."""
    layer = import_string(backend["BACKEND"])(**backend["CONFIG"] | {"timeout": 10})
    yield layer
    await layer.close()


@contextmanager
def runworker(backend, *arguments, **env):
    """A worker for the project in ``workers``; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "runworker", *arguments],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "compat_tests.surface.workers.settings",
            "WORKERS_LAYER": json.dumps(backend),
            **env,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that runs the tests in the background has them ignore it, and their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


async def told(layer):
    return (await soon(layer.receive("told")))["text"]


async def ask(layer, channel, text):
    """Have a worker say something, and wait until it did: then it runs."""
    await layer.send(channel, {"type": "say", "text": text})
    assert await told(layer) == text


@over_both
async def test_workers(layer, backend):
    """Consumers of both kinds get what other processes send to their channels, in order."""
    with runworker(backend, "asynchronous", "synchronous") as worker:
        for channel in ("asynchronous", "synchronous"):
            for number in range(3):
                await layer.send(channel, {"type": "say", "text": f"{channel} {number}"})
            assert [await told(layer) for _ in range(3)] == [f"{channel} {n}" for n in range(3)]
        worker.terminate()
        assert worker.wait(DEADLINE) == 0
        assert worker.stdout.read() == ""


@over_both
async def test_traces(backend):
    """Consumers of both kinds run in the trace of who has sent to their channels."""
    traced = {**backend, "CONFIG": {**backend["CONFIG"], "trace_context": RECORDER}}
    layer = import_string(traced["BACKEND"])(**traced["CONFIG"] | {"timeout": 10})
    with runworker(traced, "asynchronous", "synchronous"):
        for number, channel in enumerate(["asynchronous", "synchronous", "asynchronous"], 1):
            await layer.send(channel, {"type": "trace"})
            assert await told(layer) == str(number)
    await layer.close()


@over_both
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal(layer, backend, number, tmp_path):
    """A worker that is told to stop ends what it is doing first, and exits with 0."""
    done = tmp_path / "done"
    with runworker(backend, "asynchronous") as worker:
        await layer.send("asynchronous", {"type": "finish", "path": str(done)})
        assert await told(layer) == "begun"
        worker.send_signal(number)
        done.touch()
        assert await told(layer) == "ended"
        assert worker.wait(DEADLINE) == 0
        assert worker.stdout.read() == ""


async def test_echoes(layer, backend, tmp_path):
    """Signals that come soon after one count as that, however many."""
    done = tmp_path / "done"
    with runworker(backend, "asynchronous") as worker:
        await layer.send("asynchronous", {"type": "finish", "path": str(done)})
        assert await told(layer) == "begun"
        end = time.monotonic() + ECHO / 3
        while time.monotonic() < end:
            worker.terminate()
            await asyncio.sleep(0.01)  # the passing of time is what is tested
        done.touch()
        assert await told(layer) == "ended"
        assert worker.wait(DEADLINE) == 0


async def test_second_signal(layer, backend, tmp_path):
    """A second signal ends it at once."""
    with runworker(backend, "asynchronous") as worker:
        await layer.send("asynchronous", {"type": "finish", "path": str(tmp_path / "never")})
        assert await told(layer) == "begun"
        while worker.poll() is None:  # those that come soon after the first count as one
            worker.terminate()
            with suppress(subprocess.TimeoutExpired):
                worker.wait(0.2)
        assert worker.returncode == -signal.SIGTERM


async def test_exception(layer, backend):
    """A consumer that fails is logged, and another one takes what comes next."""
    with runworker(backend, "asynchronous") as worker:
        await layer.send("asynchronous", {"type": "fail"})
        while "as told" not in (line := worker.stdout.readline()):
            assert line, "the worker ended"
        await ask(layer, "asynchronous", "still here")
        worker.terminate()
        assert worker.wait(DEADLINE) == 0


@pytest.mark.parametrize("app", ["channels", "channels_bridge"])
async def test_no_type(layer, backend, app):
    """A message without a type ends the worker with an error, Channels' and ours."""
    with runworker(backend, "asynchronous", WORKERS_APP=app) as worker:
        await layer.send("asynchronous", {"text": "no type"})
        assert worker.wait(DEADLINE) == 1
        assert "ValueError: Worker received message with no type." in worker.stdout.read()


async def test_no_type_on_one_of_two_channels(layer, backend):
    """It ends a worker for several channels too, where Channels' goes on without that channel."""
    channels = ("asynchronous", "synchronous")
    with runworker(backend, *channels, WORKERS_APP="channels") as worker:
        await layer.send("asynchronous", {"text": "no type"})
        await ask(layer, "synchronous", "still here")
        assert worker.poll() is None
    with runworker(backend, *channels) as worker:
        await layer.send("asynchronous", {"text": "no type"})
        assert worker.wait(DEADLINE) == 1
        assert "ValueError: Worker received message with no type." in worker.stdout.read()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -15)])
async def test_channels_own(layer, backend, number, code):
    """Channels' own command runs on our layer too. SIGTERM kills it, where ours finishes."""
    # A thread of a consumer that is still busy would wait for the interrupted event loop for ever.
    with runworker(backend, "asynchronous", WORKERS_APP="channels") as worker:
        await ask(layer, "asynchronous", "hello")
        worker.send_signal(number)
        assert worker.wait(DEADLINE) == code


async def test_hub_comes_later(nobody, address):
    """A worker that was started before the server waits for its hub."""
    layer = GrpcChannelLayer(address=address)
    with runworker(nobody, "asynchronous") as worker, closing(HubProcess(address)):
        await ask(layer, "asynchronous", "hello")
        worker.terminate()
        assert worker.wait(DEADLINE) == 0
        await layer.close()


def test_foreign_channel(nobody):
    """A channel of another process is refused with one line that says what to do."""
    with runworker(nobody, "specific.abc!def") as worker:
        assert worker.wait(DEADLINE) == 1
        (line,) = worker.stdout.read().splitlines()
        assert line.startswith("CommandError: channel specific.abc!def belongs to another process")


def test_bad_name(nobody):
    """A name that no channel can have is refused with one line, in Channels' words."""
    with runworker(nobody, "asynchronous", "a b") as worker:
        assert worker.wait(DEADLINE) == 1
        (line,) = worker.stdout.read().splitlines()
        assert line.startswith("CommandError: 'a b': Channel name must be a valid unicode string")


def test_no_layer(nobody):
    """An alias that isn't configured is an error, in Channels' words."""
    with runworker(nobody, "asynchronous", "--layer", "other") as worker:
        assert worker.wait(DEADLINE) == 1
        assert "CommandError: You do not have any CHANNEL_LAYERS configured." in (
            worker.stdout.read()
        )
