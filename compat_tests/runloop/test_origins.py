"""Pages of other sites that want to open a WebSocket: what the log says of them."""

from __future__ import annotations

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.security.websocket import AllowedHostsOriginValidator, OriginValidator
from django.test import override_settings
from websockets.exceptions import InvalidStatus

from channels_bridge.common import rate_limited_log
from channels_bridge.project import rejected_origins

OURS = "https://shop.example"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """What a worker installs; and the time, which tests set."""
    monkeypatch.setattr(OriginValidator, "__call__", OriginValidator.__call__)
    monkeypatch.setattr(OriginValidator, "valid_origin", OriginValidator.valid_origin)
    rejected_origins.install()
    monkeypatch.setattr(rejected_origins, "denials", rejected_origins.Denials())
    times = [0.0]
    monkeypatch.setattr(rate_limited_log.time, "monotonic", lambda: times[0])
    return times


async def denied(engine, origin):
    """Whether a handshake that is refused for its origin is answered with 403."""
    with pytest.raises(InvalidStatus) as raised:
        async with engine.connect(origin=origin):
            pass
    return raised.value.response.status_code == 403


def allowed_hosts(*hosts, debug=False):
    with override_settings(ALLOWED_HOSTS=list(hosts), DEBUG=debug):
        return AllowedHostsOriginValidator(AsyncWebsocketConsumer.as_asgi())


@override_settings(ALLOWED_HOSTS=["shop.example"])
async def test_each_origin_has_one_line(serve, caplog, clock):
    """A denied origin is named once, with the setting that would allow it (channels#2062)."""
    engine = await serve(allowed_hosts("shop.example"))
    async with engine.connect(origin=OURS):
        pass
    for origin in ("https://www.shop.example:8443", "https://evil.example") * 2:
        assert await denied(engine, origin)
        clock[0] += rejected_origins.INTERVAL
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "A WebSocket from pages of 'https://www.shop.example:8443' was denied: that origin is not "
        "in ALLOWED_HOSTS. Add 'www.shop.example' there if the site is yours",
        "A WebSocket from pages of 'https://evil.example' was denied: that origin is not in "
        "ALLOWED_HOSTS. Add 'evil.example' there if the site is yours",
    ]


@override_settings(DEBUG=True, ALLOWED_HOSTS=[])
async def test_the_hosts_of_debug(serve, caplog):
    """With DEBUG and no ALLOWED_HOSTS, this machine's names are allowed; the line is the same."""
    engine = await serve(allowed_hosts(debug=True))
    assert await denied(engine, OURS)
    assert "not in ALLOWED_HOSTS. Add 'shop.example'" in caplog.text


async def test_origins_of_its_own(serve, caplog):
    """A validator with a list of its own is named instead of the setting."""
    consumer = AsyncWebsocketConsumer.as_asgi()
    engine = await serve(OriginValidator(consumer, ["https://other.example"]))
    assert await denied(engine, OURS)
    assert "not in OriginValidator's origins. Add 'shop.example' there" in caplog.text


@pytest.mark.parametrize(
    "origin",
    ["http://[x", "http://]", "http://[::1", "http://[v1]", "https://shop.example:x", "//:-1"],
)
@pytest.mark.parametrize("allowed", ["shop.example", "https://shop.example"])
async def test_malformed_origin(serve, caplog, origin, allowed):
    """An origin that is no URL is denied and named like any other; it is no error."""
    consumer = AsyncWebsocketConsumer.as_asgi()
    engine = await serve(OriginValidator(consumer, [allowed]))
    if (origin, allowed) != ("https://shop.example:x", "shop.example"):  # ports are not looked at
        assert await denied(engine, origin)
        assert f"'{origin}' was denied" in caplog.text
    assert "Traceback" not in caplog.text


async def test_no_origin(serve, caplog):
    """A client without an Origin is no browser, and is denied too; the line says so."""
    engine = await serve(allowed_hosts("shop.example"))
    assert await denied(engine, None)
    assert await denied(engine, None)
    assert caplog.text.count("without an Origin header was denied") == 1


async def test_claimed_origins_fill_neither_the_log_nor_memory(serve, caplog, clock):
    """Whatever origins a client claims: few lines, of bounded length, and few that are kept."""
    engine = await serve(allowed_hosts("shop.example"))
    for _ in range(3):
        assert await denied(engine, "https://" + "x" * 4000)
    assert len(caplog.text) < 2000
    assert await denied(engine, OURS.replace("shop", "late"))
    assert "late" not in caplog.text
    clock[0] += rejected_origins.INTERVAL
    assert await denied(engine, OURS.replace("shop", "late"))
    assert "late" in caplog.text
    for number in range(2 * rate_limited_log.MAX_KINDS):
        clock[0] += rejected_origins.INTERVAL
        rejected_origins.denials.note(f"https://{number}.example", [])
    assert len(rejected_origins.denials._notices._kinds) == rate_limited_log.MAX_KINDS
