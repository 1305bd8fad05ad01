"""The lifespan protocol, where the application speaks it."""

from __future__ import annotations

import logging

import pytest

from channels_bridge.server.errors import StartupError
from channels_bridge.server.worker.lifespan import Lifespan


def application(*answers, state=None, error=None):
    """Answers each event in turn, then returns, or raises."""

    async def app(scope, receive, send):
        assert scope["type"] == "lifespan"
        scope["state"].update(state or {})
        for answer in answers:
            await receive()
            await send({"type": answer, "message": "no database"})
        if error is not None:
            raise error

    return app


COMPLETE = ("lifespan.startup.complete", "lifespan.shutdown.complete")


async def test_startup_and_shutdown():
    """An application that speaks the protocol is started and stopped, and its state is kept."""
    lifespan = Lifespan(application(*COMPLETE, state={"pool": 1}))
    await lifespan.startup()
    assert lifespan.state == {"pool": 1}
    await lifespan.shutdown()


async def test_an_application_that_does_not_speak_it(caplog):
    """One that raises at once, as ``ProtocolTypeRouter`` does, is no error: a line at DEBUG."""
    caplog.set_level(logging.DEBUG)
    lifespan = Lifespan(application(error=ValueError("No application configured")))
    await lifespan.startup()
    await lifespan.shutdown()
    (record,) = [record for record in caplog.records if record.name.startswith("channels_bridge")]
    assert record.levelname == "DEBUG" and record.exc_info is None
    assert "No application configured" in record.getMessage()


async def test_an_application_that_returns():
    """One that returns at once is served too."""
    lifespan = Lifespan(application())
    await lifespan.startup()
    await lifespan.shutdown()


async def test_startup_that_failed():
    """An application that answers that it failed ends the start, with its reason."""
    with pytest.raises(StartupError, match="no database"):
        await Lifespan(application("lifespan.startup.failed")).startup()


async def test_shutdown_that_failed(caplog):
    """What fails at the end is logged: as the application's answer, or as its exception."""
    lifespan = Lifespan(application(COMPLETE[0], "lifespan.shutdown.failed"))
    await lifespan.startup()
    await lifespan.shutdown()
    assert "no database" in caplog.text
    lifespan = Lifespan(application(COMPLETE[0], error=LookupError("at the end")))
    await lifespan.startup()
    await lifespan.shutdown()
    assert caplog.records[-1].exc_info[0] is LookupError
