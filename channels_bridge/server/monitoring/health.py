"""Health checks for orchestrators.

``/healthz`` (liveness) says whether the server should be restarted, ``/readyz`` (readiness) whether
it may be sent traffic.
"""

from __future__ import annotations

from email.message import Message as Headers
from http import HTTPStatus

from channels_bridge.server.monitoring.census import Census
from channels_bridge.server.monitoring.endpoint import Answer


class Health:
    """The pages ``/healthz`` and ``/readyz``."""

    def __init__(self, census: Census) -> None:
        self._census = census

    async def live(self, headers: Headers) -> Answer:
        """503 when no worker answers of a server that should serve: a restart may help."""
        members = await self._census.workers({})
        # At the start and while the server drains, a restart would not help but begin anew.
        if self._census.phase == "serving" and not any(member.fresh for member in members):
            return _no("no worker answers")
        return _yes(self._census.phase)

    async def ready(self, headers: Headers) -> Answer:
        """503 while the server starts and drains, and when no worker takes connections."""
        if self._census.phase != "serving":
            return _no(self._census.phase)
        return _yes("serving") if self._census.is_ready else _no("no worker is ready")


def _yes(text: str) -> Answer:
    return Answer(HTTPStatus.OK, f"{text}\n".encode())


def _no(text: str) -> Answer:
    return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{text}\n".encode())
