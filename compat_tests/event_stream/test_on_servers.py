"""Event streams on real servers: what a client sees of faults, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from channels_bridge.server.monitoring.control_socket import ask
from compat_tests.clients.raw_connection import open_http
from compat_tests.event_stream.stream_client import StreamClient
from compat_tests.server.monitoring.site import Monitor
from compat_tests.server.test_nginx import CONF, RECOMMENDED, is_served
from compat_tests.servers import (
    START_DEADLINE,
    Server,
    run_python,
    uvicorn,
    wait_for,
    websockets_server,
)

SITE = Path(__file__).parent / "site"
DEADLINE = 20.0


class Newsroom:
    """A site that is served."""

    def __init__(self, server: Server, env: dict[str, str]) -> None:
        self.server = server
        self.env = env

    def get(self, path: str, **query: object) -> str:
        """Get a page."""
        with open_http(self.server.address) as client:
            client.request("GET", f"{path}?{urlencode(query, doseq=True)}")
            response = client.getresponse()
            text = response.read().decode()
            assert response.status == 200, text
            return text

    def publish(self, *texts: str, group: str = "news.local") -> None:
        self.get(f"/publish/{group}/", text=list(texts))

    def follow(self, path: str = "/stream/", at: str = "") -> StreamClient:
        """Open a stream that is read to where it is."""
        return StreamClient(self.server.address, path, at)

    def members(self) -> int:
        """How many members the groups have, in all workers."""
        directory = Path(self.env["NEWSROOM_RUNTIME_DIR"])
        (control,) = directory.glob(f"channels_bridge-*/server-{self.server.pid}.sock")
        return sum(group["members"] for group in ask(control, {"top": 10}, DEADLINE)["groups"])


@pytest.fixture(scope="module")
def env() -> Iterator[dict[str, str]]:
    """A database for the site's sessions, and a directory for its sockets."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        env = {"NEWSROOM_DATABASE": f"{directory}/db.sqlite3", "NEWSROOM_RUNTIME_DIR": directory}
        run_python(SITE, "manage.py", "migrate", "--verbosity=0", env=env)
        yield env


@pytest.fixture(scope="module")
def served(env: dict[str, str]) -> Iterator[Newsroom]:
    metrics = f"unix:{env['NEWSROOM_RUNTIME_DIR']}/metrics.sock"
    with websockets_server(SITE, workers=2, env=env, arguments=["--metrics", metrics]) as server:
        yield Newsroom(server, env)


@pytest.fixture
def newsroom(served: Newsroom) -> Iterator[Newsroom]:
    yield served
    print(served.server.log())  # which pytest shows if the test failed


def test_events(newsroom: Newsroom) -> None:
    """Events come as they are rendered, in order, with headers that keep proxies from waiting."""
    with newsroom.follow() as client:
        newsroom.publish("one", "draft of two", "breaking two", "three\r\nlines\nof it")
        client.read("one", "breaking two", "three\nlines\nof it")
        assert [kind for kind, _ in client.source.events] == ["message", "breaking", "message"]
        assert client.headers["content-type"] == "text/event-stream"
        assert client.headers["x-accel-buffering"] == "no"
        assert client.headers["cache-control"] == "no-cache, no-transform"
        assert client.headers["content-encoding"] == "identity"  # although gzip was offered
        assert 500 <= client.source.retry <= 3000


@pytest.mark.parametrize("reset", [False, True])
def test_who_comes_back_has_missed_nothing(newsroom: Newsroom, reset: bool) -> None:
    """What came while a client was away comes first, once and in order, of all its groups."""
    with newsroom.follow() as client:
        newsroom.publish("seen")
        client.read("seen")
        client.leave(reset=reset)
        newsroom.publish("missed", "draft")
        newsroom.publish("abroad", group="news.world")
        newsroom.publish("missed, too")
        client.connect()
        newsroom.publish("live")
        client.read("seen", "missed", "abroad", "missed, too", "live")


def test_filtered_messages_move_the_position(newsroom: Newsroom) -> None:
    """Who is sent nothing of many messages isn't told later that these are gone."""
    with newsroom.follow() as client:
        said = client.source.last_event_id
        newsroom.publish(*(f"draft {number}" for number in range(60)))  # 50 are kept
        client.read_until(lambda: client.source.last_event_id != said)
        client.leave()
        newsroom.publish("news")
        client.connect()
        client.read("news")


def test_gaps_are_told(newsroom: Newsroom) -> None:
    """Who was away for too long is told so, once it knows no more, and goes on from there."""
    with newsroom.follow() as client:
        client.leave()
        newsroom.publish(*(f"item {number}" for number in range(60)))
        client.connect()
        assert client.source.events == [("gap", "expired")]
        client.leave()
        newsroom.publish("after the gap")
        client.connect()
        client.read("expired", "after the gap")


@pytest.mark.parametrize("word", ["nonsense", "~~~", "AbCdEfGh.q1w2e3.5.forged", "x" * 9000])
def test_what_a_client_makes_up(newsroom: Newsroom, word: str) -> None:
    """A position that is none is a gap, in each of the groups, and the stream begins there."""
    with newsroom.follow() as client:
        client.leave()
        client.source.last_event_id = word
        client.connect()
        newsroom.publish("news")
        client.read("ticket", "ticket", "news")


def test_a_position_of_another_user(newsroom: Newsroom) -> None:
    """A position that was given to somebody who is logged in is nobody else's."""
    script = "from channels_bridge.history import position; print(position('news.local', user=7))"
    done = run_python(SITE, "manage.py", "shell", "-c", script, env=newsroom.env)
    newsroom.publish("between")
    with newsroom.follow(at=done.stdout.split()[-1]) as client:
        client.read_until(lambda: client.texts)
        assert client.source.events[0] == ("gap", "ticket")


def test_from_the_page_on(newsroom: Newsroom) -> None:
    """What is said between the page and its stream comes; so it does after a reconnect."""
    at = newsroom.get("/page/").strip()
    newsroom.publish("between")
    with newsroom.follow(at=at) as client:
        client.read("between")
        client.leave()
        newsroom.publish("meanwhile", group="news.world")
        client.connect()
        client.read("between", "meanwhile")


def test_rendering_that_fails(newsroom: Newsroom) -> None:
    """A message that can't be rendered is a gap and a traceback, and the stream goes on."""
    with newsroom.follow() as client:
        newsroom.publish("one", "broken", "two")
        client.read("one", "failed", "two")
        client.leave()
        newsroom.publish("three")
        client.connect()
        client.read("one", "failed", "two", "three")
    assert "this one cannot be rendered" in newsroom.server.log()


def test_quiet_streams_show_that_they_are_there(newsroom: Newsroom) -> None:
    """A stream on which nothing is said has a comment from time to time."""
    with newsroom.follow() as client:
        comments = client.source.comments
        client.read_until(lambda: client.source.comments > comments)


def test_who_leaves_is_a_member_no_longer(newsroom: Newsroom) -> None:
    """Clients that leave, or vanish while nothing is read, leave no members behind."""
    assert wait_for(lambda: newsroom.members() == 0, DEADLINE)
    clients = [newsroom.follow().__enter__() for _ in range(4)]
    assert newsroom.members() == 8
    newsroom.get("/publish/news.local/", text="large" * 8, times=200_000)
    for number, client in enumerate(clients):
        client.leave(reset=bool(number % 2))
    assert wait_for(lambda: newsroom.members() == 0, DEADLINE)


def test_closed_from_outside(newsroom: Newsroom) -> None:
    """``connections.close()`` ends streams in all workers; who comes back has missed nothing."""
    with newsroom.follow() as client, newsroom.follow() as other, newsroom.follow("/thread/"):
        assert newsroom.get("/close/stream/") == "2"
        client.read_to_the_end()
        other.read_to_the_end()
        newsroom.publish("meanwhile")
        client.connect()
        client.read("meanwhile")


def test_streams_hold_no_threads(newsroom: Newsroom) -> None:
    """A hundred streams of a view that has used its thread don't keep a hundred threads."""
    clients = [newsroom.follow("/thread/").__enter__() for _ in range(50)]
    threads = {
        answer["pid"]: answer["threads"]
        for answer in (json.loads(newsroom.get("/kept/news.local/")) for _ in range(10))
    }
    assert max(threads.values()) < 15
    for client in clients:
        client.leave()


def test_it_is_seen(newsroom: Newsroom) -> None:
    """Metrics and status have what is kept, who was told what, and what was replayed."""
    monitor = Monitor(f"{newsroom.env['NEWSROOM_RUNTIME_DIR']}/metrics.sock")
    before = monitor.samples()
    with newsroom.follow() as client:
        client.leave()
        newsroom.publish("missed")
        client.connect()
        client.read("missed")
        after = monitor.samples()
    for sample, grown in {
        ("resumes_total", "new"): 2,
        ("resumes_total", "ok"): 2,
        ("replayed_total",): 1,
    }.items():
        assert after[sample] - before.get(sample, 0) == grown, sample
    assert after["history_messages", "hub-0"] > 0 < after["history_bytes", "hub-0"]
    assert after["history_on_disk", "hub-0"] == 1
    assert after["history_replicas", "0"] + after["history_replicas", "1"] >= 2
    done = run_python(SITE, "manage.py", "websockets_status", env=newsroom.env)
    assert re.search(r"hub \[\d+\], for .*, keeps \d+ messages of \d+ groups in ", done.stdout)


def test_curl(newsroom: Newsroom) -> None:
    """curl reads a stream."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl")
    url = f"{newsroom.server.url}/stream/"
    with subprocess.Popen([curl, "-sN", url], stdout=subprocess.PIPE) as process:
        lines = iter(process.stdout.readline, b"")
        assert next(line for line in lines if line.startswith(b"id: "))
        newsroom.publish("for curl")
        assert next(line for line in lines if line.startswith(b"data: ")) == b"data: for curl\n"
        process.terminate()


def test_behind_nginx(newsroom: Newsroom, socket_dir: Path) -> None:
    """nginx, set up as the guide says, passes events on as they come: it buffers nothing."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("nginx is not installed")
    port = newsroom.server.port
    recommended = RECOMMENDED.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    recommended = recommended.replace("listen 80;", f"listen unix:{socket_dir}/good.sock;")
    conf = socket_dir / "conf"
    conf.write_text(CONF.format(directory=socket_dir, upstream=port, recommended=recommended))
    arguments = [program, "-c", conf, "-e", socket_dir / "error.log"]
    with subprocess.Popen(arguments) as process:
        others = socket_dir / "others.sock"
        assert wait_for(lambda: is_served(others), DEADLINE)
        with StreamClient(f"unix:{socket_dir}/good.sock") as client:
            newsroom.publish("through nginx")
            client.read("through nginx")
        process.terminate()


def test_other_methods(newsroom: Newsroom) -> None:
    """There is nothing but GET: a HEAD would have no end."""
    with open_http(newsroom.server.address) as client:
        client.request("HEAD", "/stream/")
        response = client.getresponse()
        assert (response.status, response.getheader("allow")) == (405, "GET")


def test_a_reload_and_a_killed_worker(env: dict[str, str], socket_dir: Path) -> None:
    """Streams end in order at a reload, break with a killed worker, and miss nothing either way."""
    own_hub = {**env, "NEWSROOM_RUNTIME_DIR": str(socket_dir)}
    with websockets_server(SITE, workers=1, env=own_hub) as server:
        newsroom = Newsroom(server, own_hub)
        with newsroom.follow() as client:
            server.signal(signal.SIGHUP)
            client.read_to_the_end()
            newsroom.publish("after the reload")
            client.connect()
            client.read("after the reload")

            os.kill(json.loads(newsroom.get("/kept/news.local/"))["pid"], signal.SIGKILL)
            client.read_to_the_end()
            server.wait_for_log("is ready", 4, START_DEADLINE)  # the hub, and three workers
            newsroom.publish("after the kill")
            client.connect()
            client.read("after the reload", "after the kill")
        assert "Traceback" not in server.log()


def test_under_another_server(env: dict[str, str]) -> None:
    """Under uvicorn, with a layer within the process, it is the same."""
    local = {**env, "NEWSROOM_LAYER": "channels_bridge.layers.LocalChannelLayer"}
    with uvicorn(SITE, "newsroom.asgi:application", env=local) as server:
        newsroom = Newsroom(server, local)
        with newsroom.follow() as client:
            newsroom.publish("one")
            client.read("one")
            client.leave()
            newsroom.publish("two")
            client.connect()
            newsroom.publish("three")
            client.read("one", "two", "three")


def test_beside_another_server(newsroom: Newsroom) -> None:
    """A client goes on under uvicorn where it was here, and back: both follow one hub."""
    with uvicorn(SITE, "newsroom.asgi:application", env=newsroom.env) as server:
        other = Newsroom(server, newsroom.env)
        with newsroom.follow() as client:
            other.publish("one")
            client.read("one")
            for address, text in ((server.address, "two"), (newsroom.server.address, "three")):
                client.leave()
                newsroom.publish(f"before {text}")
                client.address = address
                client.connect()
                other.publish(text)
                client.read_until(lambda text=text: text in client.texts)
            assert client.texts == ["one", "before two", "two", "before three", "three"]
