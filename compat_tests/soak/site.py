"""The server: the sample project on two workers and a hub, with a user who is logged in."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from compat_tests.parity.site import USER, make_database
from compat_tests.server.monitoring.site import Site, running_site


@contextmanager
def serving(capacity: int) -> Iterator[tuple[Site, str]]:
    """Run it until the end of the block.

    Args:
        capacity: messages that may wait for a consumer.

    Returns:
        The server, and the user's cookie.
    """
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        database = Path(directory, "db.sqlite3")
        make_database(database)
        layer = json.dumps({"capacity": capacity})
        with running_site(database, SAMPLE_LAYER_CONFIG=layer) as site:
            status, headers = site.post("/login/", urlencode(USER))
            assert status == 200
            yield site, headers["Set-Cookie"].partition(";")[0]
