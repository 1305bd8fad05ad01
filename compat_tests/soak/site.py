"""The server: the sample project on two workers and a hub, or nodes, with a user logged in."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from compat_tests.groups.nats.nats_servers import NatsServer
from compat_tests.parity.site import USER, make_database
from compat_tests.server.monitoring.site import Site, running_site


@contextmanager
def serving(capacity: int, nodes: Sequence[NatsServer] = ()) -> Iterator[tuple[Site, str]]:
    """Run it until the end of the block.

    Args:
        capacity: messages that may wait for a consumer.
        nodes: those that its groups are on; a hub if there are none.

    Returns:
        The server, and the user's cookie.
    """
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        database = Path(directory, "db.sqlite3")
        make_database(database)
        with running_site(database, **layer(capacity, nodes)) as site:
            status, headers = site.post("/login/", urlencode(USER))
            assert status == 200
            yield site, headers["Set-Cookie"].partition(";")[0]


def layer(capacity: int, nodes: Sequence[NatsServer]) -> dict[str, str]:
    """What the project's settings read of its layer."""
    config: dict[str, object] = {"capacity": capacity}
    if not nodes:
        return {"SAMPLE_LAYER_CONFIG": json.dumps(config)}
    config["servers"] = [node.url for node in nodes]
    return {
        "SAMPLE_LAYER": "channels_bridge.layers.NatsChannelLayer",
        "SAMPLE_LAYER_CONFIG": json.dumps(config),
    }
