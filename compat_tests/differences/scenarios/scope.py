"""What an application is told about a connection."""

from __future__ import annotations

from typing import Any

from compat_tests.differences.client import Client
from compat_tests.differences.recording import note
from compat_tests.differences.scenario import (
    Application,
    Like,
    Own,
    Probe,
    Scenario,
    probe,
    unreached,
)
from compat_tests.differences.scenarios.clients import leaves


def tells(*keys: str) -> Application:
    """Notes parts of its scope."""

    @probe
    async def application(probe: Probe) -> None:
        for key in keys:
            note(key, probe.scope.get(key, "missing"))
        await probe.accept()
        await probe.rest()

    return application


@probe
async def tells_keys(probe: Probe) -> None:
    note("keys", sorted(set(probe.scope) - {"extensions"}))
    await probe.accept()
    await probe.rest()


@probe
async def tells_headers(probe: Probe) -> None:
    sent = {b"x-mixed-case", b"x-twice", b"x_under", b"x-high", b"host"}
    for name, value in probe.scope["headers"]:
        if name.lower() in sent:
            note("headers in scope", [name, value])
    await probe.accept()
    await probe.rest()


@probe
async def tells_addresses(probe: Probe) -> None:
    for name in ("client", "server"):
        address: Any = probe.scope.get(name, "missing")
        host, port = address or (None, None)
        unknown = not isinstance(port, int)
        note(name, [type(address).__name__, _unchanging(host), port if unknown else "a port"])
    await probe.accept()
    await probe.rest()


def _unchanging(host: str | None) -> str | None:
    return "the socket's path" if host and host.startswith("/") else host


@probe
async def tells_extensions(probe: Probe) -> None:
    names = sorted(probe.scope.get("extensions", {}))
    note("extensions", [name for name in names if not name.startswith("channels_bridge")])
    await probe.accept()
    await probe.rest()


async def sends_bad_target(client: Client) -> None:
    await client.connect("/caf\xe9/?q=\xe9")


SCENARIOS = [
    Scenario(
        name="scope-keys",
        covers="S1 S8",
        application=tells_keys,
        client=leaves(),
        choices=(
            Like("uvicorn", "keys", "more keys are safe for code that was written for fewer"),
        ),
    ),
    Scenario(
        name="scope-asgi",
        covers="S1",
        application=tells("asgi"),
        client=leaves(),
        choices=(Own("`spec_version`", {"asgi": [{"version": "3.0", "spec_version": "2.3"}]}),),
    ),
    Scenario(
        name="scope-values",
        covers="S1 P1",
        application=tells("type", "scheme", "http_version", "root_path", "state"),
        client=leaves(),
        choices=(
            Like("uvicorn", "scheme, http_version, state", "the ASGI specification has them"),
        ),
    ),
    Scenario(
        name="scope-headers",
        covers="S2",
        application=tells_headers,
        client=leaves(headers=[("X-Mixed-Case", "Some Value"), ("X-High", "caf\xe9")]),
    ),
    Scenario(
        name="scope-header-with-underscore",
        covers="S2",
        application=tells_headers,
        client=leaves(headers=[("X_Under", "score")]),
        choices=(Like("daphne", "headers in scope", "it could pass for X-Under (CVE-2015-0219)"),),
    ),
    Scenario(
        name="scope-repeated-header",
        covers="S2",
        application=tells_headers,
        client=leaves(headers=[("X-Twice", "one"), ("X-Twice", "two")]),
        choices=(Like("uvicorn", "headers in scope", "cookies and dates have commas inside"),),
    ),
    Scenario(
        name="daphne-root-path-header",
        covers="S2",
        application=tells("root_path"),
        client=leaves(headers=[("Daphne-Root-Path", "/from-a-client")]),
        choices=(Like("uvicorn", "root_path", "any client could send the header"),),
    ),
    Scenario(
        name="scope-query",
        covers="S3",
        application=tells("query_string"),
        client=leaves(path="/?room=a%20b&x=1+2"),
    ),
    Scenario(
        name="scope-no-query", covers="S3", application=tells("query_string"), client=leaves()
    ),
    Scenario(name="target-not-ascii", covers="S3", application=unreached, client=sends_bad_target),
    Scenario(
        name="scope-path",
        covers="S4",
        application=tells("path", "raw_path"),
        client=leaves(path="/caf%C3%A9/a%2Fb/?q=1"),
    ),
    Scenario(
        name="scope-path-not-utf8",
        covers="S4",
        application=tells("path", "raw_path"),
        client=leaves(path="/%ff/"),
    ),
    Scenario(
        name="scope-addresses",
        covers="S5",
        application=tells_addresses,
        client=leaves(),
        choices=(
            Like(
                "uvicorn",
                "client, server",
                "a tuple can't be changed by mistake, and unpacks like a list",
            ),
        ),
    ),
    Scenario(
        name="scope-addresses-unix",
        covers="S5",
        application=tells_addresses,
        client=leaves(),
        setting="unix",
        choices=(Like("uvicorn", "server", "the ASGI specification has the socket's path"),),
    ),
    Scenario(
        name="scope-subprotocols",
        covers="S6",
        application=tells("subprotocols"),
        client=leaves(subprotocols="z, a"),
    ),
    Scenario(
        name="scope-no-subprotocols",
        covers="S6",
        application=tells("subprotocols"),
        client=leaves(),
    ),
    Scenario(
        name="bad-subprotocols",
        covers="S6",
        application=tells("subprotocols"),
        client=leaves(subprotocols="a b, (c)"),
        choices=(
            Like(
                "daphne",
                "status, close, events, end, subprotocols",
                "they should be tokens, and clients send others, such as a JSON Web Token",
            ),
        ),
    ),
    Scenario(
        name="scope-extensions",
        covers="S9",
        application=tells_extensions,
        client=leaves(),
        choices=(Like("uvicorn", "extensions", "what is offered is announced"),),
    ),
]
