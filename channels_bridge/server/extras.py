"""Optional packages: what the extras of the distribution bring, and how to get what is missing."""

from __future__ import annotations

from importlib.util import find_spec

#: The packages of each extra, by the module that shows whether one is there.
EXTRAS = {
    "http": {"uvicorn": "uvicorn", "httptools": "httptools"},
    "metrics": {"prometheus_client": "prometheus-client"},
}


def missing(extra: str) -> list[str]:
    """The packages of an extra that are not installed."""
    return [package for module, package in EXTRAS[extra].items() if find_spec(module) is None]


def how_to_install(packages: list[str]) -> str:
    """The command for it, which works however this distribution was installed.

    ``pip install 'channels-bridge[...]'`` would not: pip looks for that name on an index, where a
    distribution that was installed from a folder or a repository need not be.
    """
    return f"pip install {' '.join(packages)}"
