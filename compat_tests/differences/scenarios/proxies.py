"""Servers under ``--root-path /pre``, that believe the proxy in front of them.

Daphne believes every client, uvicorn and ours those on 127.0.0.1.
"""

from __future__ import annotations

from channels.routing import URLRouter
from django.urls import path

from compat_tests.differences.recording import note
from compat_tests.differences.scenario import Like, Probe, Scenario, probe
from compat_tests.differences.scenarios.clients import handshake, leaves
from compat_tests.differences.scenarios.consumers import Noting
from compat_tests.differences.scenarios.scope import tells


@probe
async def tells_client(probe: Probe) -> None:
    note("client", probe.scope["client"][0])
    note("scheme", probe.scope.get("scheme", "missing"))
    await probe.accept()
    await probe.rest()


@probe
async def tells_client_only(probe: Probe) -> None:
    note("client", probe.scope["client"][0])
    await probe.accept()
    await probe.rest()


routed = URLRouter([path("routed/", Noting.as_asgi())])

FORWARDED = [
    ("X-Forwarded-For", "198.51.100.7, 203.0.113.5"),
    ("X-Forwarded-Proto", "https"),
]

SCENARIOS = [
    Scenario(
        name="root-path-kept",
        covers="P1",
        application=tells("root_path", "path"),
        client=leaves(prefix="/pre"),
        setting="proxied",
        choices=(Like("daphne", "path", "the proxy may keep the prefix: it is not doubled"),),
    ),
    Scenario(
        name="root-path-stripped",
        covers="P1",
        application=tells("root_path", "path"),
        client=leaves(),
        setting="proxied",
        choices=(
            Like(
                "uvicorn", "path", "the proxy may take the prefix away: `path` includes it anyway"
            ),
        ),
    ),
    Scenario(
        name="routed",
        covers="R5",
        application=routed,
        client=handshake,
        setting="proxied",
        choices=(
            Like(
                "uvicorn",
                "status, close, events, end, log",
                "routes match whatever the proxy does with the prefix",
            ),
        ),
    ),
    Scenario(
        name="forwarded-for",
        covers="P2 P3",
        application=tells_client,
        client=leaves(headers=FORWARDED),
        setting="proxied",
        choices=(
            Like(
                "uvicorn", "client, scheme", "the addresses before the last proxy's are only claims"
            ),
        ),
    ),
    Scenario(
        name="forwarded-for-untrusted",
        covers="P2 P3",
        application=tells_client_only,
        client=leaves(headers=FORWARDED),
        choices=(Like("daphne", "client", "nobody is believed unless named"),),
    ),
    Scenario(
        name="not-forwarded",
        covers="P2 P3",
        application=tells_client,
        client=leaves(),
        setting="proxied",
        choices=(Like("uvicorn", "scheme", "the ASGI specification has it"),),
    ),
]
