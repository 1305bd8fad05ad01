"""The sample project on two workers of `websockets_server`, and the commands that look at it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from websockets.sync.client import connect

from channels_bridge.server.console import ask

from ..parity.site import PROJECT
from ..servers import environment, websockets_server


class Site:
    """One running server, and the environment that its project's other commands need too."""

    def __init__(self, server, env):
        self.server = server
        self.env = env

    def connect(self, path, **headers):
        return connect(
            self.server.ws_url + path, origin=self.server.url, additional_headers=headers
        )

    def manage(self, *arguments, code=0):
        """Run a command of `manage.py`. Returns what it printed: to stderr, where it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=environment(self.env),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def status(self, **question):
        """What `websockets_status --json` prints, without the second that a command takes."""
        return ask(self.control, question, 20)

    @property
    def control(self):
        (path,) = Path(self.env["TMPDIR"]).glob(f"*/server-{self.server.pid}.sock")
        return path


@contextmanager
def serve(database, *arguments, **env):
    """A site of its own: its private directory is in a TMPDIR that nobody else has."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        env = {
            "TMPDIR": directory,
            "SAMPLE_APPS": "channels_bridge",
            "SAMPLE_DATABASE": str(database),
            "SAMPLE_EVENTS": str(Path(directory, "events")),
            "SAMPLE_LAYER": "channels_bridge.layers.GrpcChannelLayer",
            **env,
        }
        with websockets_server(PROJECT, workers=2, env=env, arguments=arguments) as server:
            yield Site(server, env)
