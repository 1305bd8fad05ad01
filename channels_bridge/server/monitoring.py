"""What ``--metrics`` serves: ``/metrics``, ``/healthz`` and ``/readyz``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec

from .bind import Listener
from .census import Census
from .endpoint import serving_pages
from .errors import StartupError
from .health import Health


def require_extra() -> None:
    """Check that what the extra ``metrics`` brings is installed.

    Raises:
        StartupError: it is not.
    """
    if find_spec("prometheus_client") is None:
        raise StartupError("--metrics needs what pip install 'channels-bridge[metrics]' installs")


def serving_metrics(
    listeners: Sequence[Listener], version: str, census: Census
) -> AbstractAsyncContextManager[None]:
    """Serve the pages; a :data:`~.supervisor.Watcher` of a census."""
    from .metrics import Metrics

    health = Health(census)
    pages = {
        "/metrics": Metrics(census, version).page,
        "/healthz": health.live,
        "/readyz": health.ready,
    }
    return serving_pages(listeners, pages)
