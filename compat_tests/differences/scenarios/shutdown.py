"""The end of a server: after all other scenarios."""

from __future__ import annotations

import asyncio
import signal

from compat_tests.differences.client import Client
from compat_tests.differences.scenario import Like, Own, Scenario, When
from compat_tests.differences.scenarios.consumers import Noting


async def ends_server(client: Client) -> None:
    await client.connect()
    client.server.signal(signal.SIGTERM)
    await client.closed()
    await asyncio.to_thread(client.server.wait)  # the exit code is for others to test


SCENARIOS = [
    Scenario(
        name="sigterm",
        covers="A15",
        application=Noting.as_asgi(),
        client=ends_server,
        when=When.LAST,
        choices=(
            Own(
                "When the server stops, connections are dropped",
                {"close": [1001, "server going away"], "events": [["disconnect()", 1001]]},
            ),
            Like("uvicorn", "end", "`disconnect()` gives back what `connect()` took"),
        ),
    ),
]
