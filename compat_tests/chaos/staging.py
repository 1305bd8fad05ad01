"""The server that a scene has, and the clients that are in it from the beginning."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from channels_bridge.bench.stacks.processes import free_port
from compat_tests.chaos.clients import DEADLINE
from compat_tests.chaos.clock import Clock
from compat_tests.chaos.disk import Disk, mounted
from compat_tests.chaos.scene import PLACES, Scene
from compat_tests.chaos.standstill import showing_standstills
from compat_tests.groups.nats.nats_servers import NatsCluster
from compat_tests.servers import Server, websockets_server

SITE = Path(__file__).resolve().parent / "site"

ARGUMENTS = [
    *("--drain-seconds", "1", "--write-timeout", "4", "--max-connections", str(PLACES)),
    *("--max-message-rate", "200", "--message-burst", "600"),
]

# Room for more than what a member gets while its worker is stopped. One that has no room is closed,
# which is seen, instead of missing something.
LAYER = {"capacity": 20_000, "overflow": "close"}

# More than is said while anybody is away.
HISTORY = {"room-*": {"messages": 20_000, "seconds": 600}}

PRESENCE = {"room-*": {"describe": "compat_tests.chaos.site.asgi.describe", "linger": 2}}


class Stage:
    """A server with its disk and its clock, which can be started again at the same addresses.

    Args:
        disk: where it has its logs, its sockets and its history.
        clock: what it takes for the time.
        cluster: the nodes that its groups are on; None where they are on a hub.
        workers: how many it has.
        confirm: whether they wait until each message has arrived everywhere.
    """

    def __init__(
        self, disk: Disk, clock: Clock, cluster: NatsCluster | None, *, workers: int, confirm: bool
    ) -> None:
        self.disk = disk
        self.clock = clock
        self.cluster = cluster
        self.workers = workers
        self.confirm = confirm
        self.server: Server
        self.addresses = [f"127.0.0.1:{free_port()}", f"unix:{disk.path / 'http.sock'}"]
        self._serving = contextlib.ExitStack()

    @property
    def history(self) -> Path:
        """The file in which the hub keeps the groups' history."""
        return self.disk.path / "groups.history"

    def start(self) -> None:
        """Serve; to be called once more after ``kill``."""
        serving = websockets_server(
            SITE,
            workers=self.workers,
            binds=self.addresses,
            env={**self._environment(), **self.clock.environment()},
            arguments=[*ARGUMENTS, "--control", str(self.disk.path / "control.sock")],
            deadline=DEADLINE,
            log_directory=self.disk.path,
        )
        self.server = self._serving.enter_context(serving)

    def kill(self) -> None:
        """SIGKILL to all of its processes, as when a machine is switched off."""
        os.killpg(self.server.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """End it if it still runs."""
        self._serving.close()

    def _environment(self) -> dict[str, str]:
        """What the site's settings read."""
        config = {**LAYER, "confirm": self.confirm}
        if self.cluster is None:
            backend = "GrpcChannelLayer"
            config["address"] = f"unix:{self.disk.path / 'groups.sock'}"
            config |= {"history": HISTORY, "history_file": str(self.history)}
            config["presence"] = PRESENCE
        else:
            backend, config["servers"] = "NatsChannelLayer", self.cluster.urls
        layer = {"BACKEND": f"channels_bridge.layers.{backend}", "CONFIG": config}
        return {"CHAOS_LAYER": json.dumps(layer), "CHAOS_LOG": str(self.disk.path / "server.log")}


@contextlib.asynccontextmanager
async def playing(
    seed: int,
    *,
    workers: int,
    clients: int,
    pause: float,
    confirm: bool,
    layer: str = "grpc",
) -> AsyncIterator[Scene]:
    """Start a server and clients for a round; at the end of the block nothing of them is left."""
    with (
        tempfile.TemporaryDirectory(prefix="cb-") as name,
        mounted(Path(name, "disk")) as disk,
        NatsCluster(links=True) if layer == "nats" else contextlib.nullcontext() as cluster,
    ):
        stage = Stage(disk, Clock(Path(name, "clock")), cluster, workers=workers, confirm=confirm)
        with contextlib.closing(stage):
            stage.start()
            scene = Scene(seed, stage, pause=pause)
            async with showing_standstills():
                try:
                    for _ in range(clients):
                        scene.add_client()
                    await scene.recover()
                    yield scene
                finally:
                    await scene.abort()
