"""Traces from a view to the consumers of other processes, with the packages that make them."""

from __future__ import annotations

import gzip
import importlib.util
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from compat_tests.servers import Server, daphne, wait_for, websockets_server
from compat_tests.third_party.project import SITE, Project, open_all

pytest.importorskip("opentelemetry.instrumentation.django")
if importlib.util.find_spec("sentry_sdk") is None:
    # Not imported: it imports eventlet, which warns of each fork from then on.
    pytest.skip("there is no sentry_sdk", allow_module_level=True)

MODULE = "compat_tests.third_party.site"
MEMBERS = 4


def traced(directory: Path, settings: str, tracer: str | None, module: str = "rooms") -> Project:
    """The project with what its settings set up, and a layer with that tracer."""
    layer = {
        "BACKEND": "channels_bridge.layers.GrpcChannelLayer",
        "CONFIG": {"address": f"unix:{directory / 'groups'}", "trace_context": tracer},
    }
    project = Project(directory, module, layer=layer)
    project.env["THIRD_PARTY_TRACING"] = settings
    return project


def say(server: Server, type: str, text: str) -> None:
    """Have the view say something in the room."""
    with urlopen(f"{server.url}/say/{type}/{text}/", timeout=10) as response:
        assert response.read() == b"said"


def hear(members: list[Any], text: str) -> None:
    assert [member.recv(10) for member in members] == [text] * len(members)


def spans_of_one_message(directory: Path, module: str) -> list[dict[str, Any]]:
    """All that is exported until the server has ended, from a view to members in both workers."""
    project = traced(directory, "spans_in_a_file", "opentelemetry", module)
    file = directory / "spans"
    project.env["THIRD_PARTY_SPANS"] = str(file)
    with project.serve() as server, ExitStack() as stack:
        members = open_all(stack, server, "/room/", MEMBERS)
        say(server, "message", "hi")
        hear(members, "hi")
        for member in members:
            member.close()
        server.stop()
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("module", ["rooms", "rooms_with_spans"])
def test_open_telemetry(socket_dir: Path, module: str) -> None:
    """A view's span has one of sending, to which the handlers of both workers link: they are parts
    of their connections' traces, where those have one.
    """
    spans = spans_of_one_message(socket_dir, module)
    (view,) = [span for span in spans if span["name"] == "GET say/<str:type>/<str:text>/"]
    (sent,) = [span for span in spans if span["parent"] == view["span"]]
    handled = [span for span in spans if sent["span"] in span["links"]]
    assert (view["kind"], sent["kind"]) == ("SERVER", "PRODUCER")
    assert sent["name"] == "group_send room.message"
    assert {(span["name"], span["kind"]) for span in handled} == {
        ("process room.message", "CONSUMER")
    }
    assert len({span["pid"] for span in handled}) == 2
    connections = [span["span"] for span in spans if span["kind"] == "SERVER" and span != view]
    if module == "rooms":
        assert connections == [] and {span["parent"] for span in handled} == {None}
    else:
        assert len(handled) == MEMBERS
        assert sorted(span["parent"] for span in handled) == sorted(connections)


class SentrySpan(NamedTuple):
    """A span or transaction, however it was sent."""

    op: str
    name: str
    trace: str
    id: str
    parent: str | None
    status: str | None


class Reports:
    """What has been sent to Sentry."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.dsn = ""

    def errors(self, text: str) -> list[dict[str, Any]]:
        """The events of errors with that text."""
        return [
            item
            for item in self.items
            if any(each["value"] == text for each in item.get("exception", {}).get("values", ()))
        ]

    def spans(self, op: str, name: str) -> list[SentrySpan]:
        """Those whose names end so."""
        spans = [span for item in self.items for span in spans_of(item)]
        return [span for span in spans if span.op == op and span.name.endswith(name)]


def spans_of(item: dict[str, Any]) -> Iterator[SentrySpan]:
    """The spans of a transaction and itself, or those of a stream."""
    for span in item.get("items", ()):
        op = span["attributes"].get("sentry.op", {}).get("value", "")
        yield read_span(op, span["name"], span)
    if item.get("type") == "transaction":
        yield read_span(item["contexts"]["trace"]["op"], item["transaction"], trace_of(item))
        for span in item["spans"]:
            yield read_span(span["op"], span["description"], span)


def read_span(op: str, name: str, span: dict[str, Any]) -> SentrySpan:
    found = (span.get(key) for key in ("trace_id", "span_id", "parent_span_id", "status"))
    return SentrySpan(op, name, *found)


def trace_of(item: dict[str, Any]) -> dict[str, Any]:
    """What an event or a transaction says of its trace."""
    trace: dict[str, Any] = item["contexts"]["trace"]
    return trace


@contextmanager
def sentry_server() -> Iterator[Reports]:
    """A server that understands as much of envelopes as is needed here."""
    reports = Reports()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            for line in data.splitlines()[1:]:
                item = json.loads(line)
                if {"exception", "items", "logentry", "spans"} & item.keys():
                    reports.items.append(item)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        reports.dsn = f"http://key@127.0.0.1:{server.server_port}/1"
        try:
            yield reports
        finally:
            server.shutdown()
            thread.join(10)


@pytest.fixture
def reports() -> Iterator[Reports]:
    """Of one test."""
    with sentry_server() as made:
        yield made


def for_sentry(
    directory: Path, reports: Reports, tracer: str | None, module: str = "rooms", **options: Any
) -> Project:
    """The project with those options of ``sentry_sdk.init()``."""
    project = traced(directory, "reported_to_sentry", tracer, module)
    project.env["THIRD_PARTY_SENTRY"] = json.dumps({"dsn": reports.dsn, **options})
    return project


def cause_errors(project: Project) -> None:
    """Have members in both workers hear something, and then fail; stop the server at once."""
    with project.serve() as server, ExitStack() as stack:
        members = open_all(stack, server, "/room/", MEMBERS)
        say(server, "message", "hi")
        hear(members, "hi")
        say(server, "fault", "broken")
        for member in members:
            with pytest.raises(ConnectionClosed):
                member.recv(10)
        server.stop()


@pytest.mark.parametrize("lifecycle", ["static", "stream"])
def test_sentry(socket_dir: Path, reports: Reports, lifecycle: str) -> None:
    """Handlers in both workers continue the view's trace, and their errors belong to it. Each is
    reported once, also where the worker ends right afterwards.
    """
    options = {"traces_sample_rate": 1.0, "trace_lifecycle": lifecycle}
    cause_errors(for_sentry(socket_dir, reports, "sentry", **options))
    # Who leaves says so to the others: that has traces of its own.
    (message,) = reports.spans("queue.publish", "group_send room.message")[:1]
    (fault,) = reports.spans("queue.publish", "group_send room.fault")
    for sent in (message, fault):
        assert sent.parent in {view.id for view in reports.spans("http.server", "")}
    handled = reports.spans("queue.process", f"{MODULE}.rooms.Room.room_message")
    assert sum(each.parent == message.id for each in handled) >= 2
    failed = reports.spans("queue.process", f"{MODULE}.rooms.Room.room_fault")
    assert [(each.trace, each.parent) for each in failed] == [(fault.trace, fault.id)] * MEMBERS
    assert {each.status for each in failed} <= {"internal_error", "error"}
    errors = [trace_of(each) for each in reports.errors("broken")]
    assert {each["trace_id"] for each in errors} == {fault.trace}
    assert sorted(each["span_id"] for each in errors) == sorted(each.id for each in failed)


def test_sentry_without_tracing(socket_dir: Path, reports: Reports) -> None:
    """Errors of all handlers have one trace, which is that of the request, and nothing else is
    sent.
    """
    cause_errors(for_sentry(socket_dir, reports, "sentry"))
    errors = reports.errors("broken")
    assert len(errors) == MEMBERS
    assert len({trace_of(each)["trace_id"] for each in errors}) == 1
    assert [item for item in reports.items if item not in errors] == []


@pytest.mark.parametrize("name", ["here", "Daphne"])
def test_errors_in_sentry(socket_dir: Path, reports: Reports, name: str) -> None:
    """Without any of this an error of a consumer is reported once, here as under Daphne."""
    project = for_sentry(socket_dir, reports, None)
    with ExitStack() as stack:
        if name == "here":
            server = stack.enter_context(project.serve())
        else:
            env = {**project.env, "DJANGO_SETTINGS_MODULE": f"{MODULE}.settings"}
            server = stack.enter_context(daphne(SITE, f"{MODULE}.rooms:application", env=env))
        (member,) = open_all(stack, server, "/room/", 1)
        member.send("fail")
        wait_for(lambda: reports.errors("as it was told to"), 10)
        with pytest.raises(ConnectionClosed):
            member.recv(10)
        server.stop()
    (error,) = reports.errors("as it was told to")
    assert error["level"] == "error"


@pytest.mark.parametrize("tracer", [None, "sentry"])
def test_users_in_sentry(socket_dir: Path, reports: Reports, tracer: str | None) -> None:
    """With the guide's middleware each connection has its own user, in all of its handlers."""
    project = for_sentry(socket_dir, reports, tracer, "tagged")
    with websockets_server(SITE, env=project.env) as server, ExitStack() as stack:
        names = ["anne", "berta", "clara"]
        anne, *others = (stack.enter_context(connect(f"{server.ws_url}/{n}/")) for n in names)
        for sender, text, members in ((anne, "fail", [anne]), (others[0], "all", others)):
            sender.send(text)
            for member in members:
                with pytest.raises(ConnectionClosed):
                    member.recv(10)
        server.stop()
    assert [each["user"]["id"] for each in reports.errors("of one client")] == ["anne"]
    assert sorted(each["user"]["id"] for each in reports.errors("of all")) == names[1:]


def test_faults_of_the_server(socket_dir: Path, reports: Reports) -> None:
    """What the server itself logs as an ERROR is reported, too: a worker that was killed."""
    with for_sentry(socket_dir, reports, None).serve() as server:
        worker = next(each for each in server.children() if "worker" in " ".join(each.cmdline()))
        worker.kill()
        server.wait_for_log("starting another")
        wait_for(lambda: reports.items, 10)
        server.stop()
    (fault,) = reports.items
    assert "ended (killed by SIGKILL); starting another" in str(fault["logentry"])
