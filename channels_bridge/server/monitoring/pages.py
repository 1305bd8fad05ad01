"""The pages of ``--metrics``: ``/metrics``, ``/healthz`` and ``/readyz``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from channels_bridge.server.errors import StartupError
from channels_bridge.server.listening_socket import Listener
from channels_bridge.server.monitoring.census import Census
from channels_bridge.server.monitoring.descriptions import Descriptions
from channels_bridge.server.monitoring.endpoint import serving_pages
from channels_bridge.server.monitoring.health import Health
from channels_bridge.server.optional_packages import how_to_install, missing


def require_extra() -> None:
    """Check that what the extra ``metrics`` brings is installed.

    Raises:
        StartupError: it is not.
    """
    if packages := missing("metrics"):
        raise StartupError(
            f"--metrics needs a package that is not installed: {how_to_install(packages)}"
        )


def serving_metrics(
    listeners: Sequence[Listener], version: str, descriptions: Descriptions, census: Census
) -> AbstractAsyncContextManager[None]:
    """Serve the pages; a ``Watcher`` of the supervisor."""
    from channels_bridge.server.monitoring.metrics import Metrics  # which needs the extra

    health = Health(census)
    pages = {
        "/metrics": Metrics(census, version, descriptions).page,
        "/healthz": health.live,
        "/readyz": health.ready,
    }
    return serving_pages(listeners, pages)
