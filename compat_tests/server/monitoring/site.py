"""The sample project on two workers of ``websockets_server``, and the commands that look at it."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from channels_bridge.server.monitoring.control_socket import ask
from channels_bridge.server.monitoring.metrics import PREFIX
from compat_tests.clients.raw_connection import open_http
from compat_tests.parity.site import PROJECT
from compat_tests.servers import run_python, websockets_server


class Monitor:
    """Reads the pages on a unix socket, as Prometheus and Kubernetes do on TCP."""

    def __init__(self, path):
        self.path = str(path)

    def get(self, page, method="GET", **headers):
        """Returns status and text."""
        with open_http(f"unix:{self.path}") as client:
            client.request(method, page, headers=headers)
            response = client.getresponse()
            return response.status, response.read().decode()

    def samples(self):
        """All samples by name and labels, without the prefix."""
        status, text = self.get("/metrics")
        assert status == 200
        return {
            (sample.name.removeprefix(PREFIX), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


class Site:
    """One running server, and the environment that its project's other commands need too."""

    def __init__(self, server, env):
        self.server = server
        self.env = env
        self.control = Path(next(Path(env["SAMPLE_RUNTIME_DIR"]).glob("channels_bridge-*"), "."))
        self.control /= f"server-{server.pid}.sock"

    def connect(self, path, **headers):
        return connect(
            self.server.ws_url + path, origin=self.server.url, additional_headers=headers
        )

    def post(self, path, form):
        """Returns status and headers."""
        with open_http(self.server.address) as client:
            client.request(
                "POST", path, form, {"Content-Type": "application/x-www-form-urlencoded"}
            )
            response = client.getresponse()
            return response.status, response.headers

    def disconnects(self, connection):
        """The codes that ``disconnect()`` was called with for ``?id=connection``."""
        events = map(json.loads, Path(self.env["SAMPLE_EVENTS"]).read_text().splitlines())
        return [
            event["code"]
            for event in events
            if event["id"] == connection and event["event"] == "disconnect"
        ]

    def manage(self, *arguments, code=0):
        """Run a command of ``manage.py``. Returns what it printed: to stderr, where it fails."""
        done = run_python(PROJECT, "manage.py", *arguments, env=self.env, code=code)
        return done.stderr if code else done.stdout

    def status(self, **question):
        """What ``websockets_status --json`` prints, without the second that a command takes."""
        return ask(self.control, question, 20)


@contextmanager
def running_site(database, *arguments, **env):
    """A site of its own: its private directory is where nobody else looks."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        env = {
            "SAMPLE_RUNTIME_DIR": directory,
            "SAMPLE_APPS": "channels_bridge",
            "SAMPLE_DATABASE": str(database),
            "SAMPLE_EVENTS": str(Path(directory, "events")),
            "SAMPLE_LAYER": "channels_bridge.layers.GrpcChannelLayer",
            **env,
        }
        with websockets_server(PROJECT, workers=2, env=env, arguments=arguments) as server:
            yield Site(server, env)
