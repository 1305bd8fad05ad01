"""Optional dependencies: what the extras bring, what of it is missing or too new, how to get it."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from shlex import join

#: What each extra brings, by the module that shows whether it is there. Upper bounds, where private
#: parts of a package are used, are those of pyproject.toml, which has the reasons.
EXTRAS = {
    "http": {"uvicorn": "uvicorn<0.55", "httptools": "httptools"},
    "metrics": {"prometheus_client": "prometheus-client"},
}


def missing(extra: str) -> list[str]:
    """Return what to install of an extra: its packages that are not there."""
    return [package for module, package in EXTRAS[extra].items() if find_spec(module) is None]


def event_loop() -> str:
    """Return the package whose event loop children run: uvloop where it is installed."""
    return "uvloop" if find_spec("uvloop") else "asyncio"


def too_new(extra: str) -> dict[str, str]:
    """Packages of an extra that are there, in releases that its tests have not seen.

    The extra itself brings none of them; who installs such a package by its name gets the newest.

    Returns:
        What to install instead, by name and release.
    """
    bounds = {package: package.partition("<")[::2] for package in EXTRAS[extra].values()}
    return {
        f"{name} {_version(name)}": package
        for package, (name, bound) in bounds.items()
        if bound and package not in missing(extra) and _release(_version(name)) >= _release(bound)
    }


def _version(name: str) -> str:
    """The installed release; empty where nobody knows, as of a package that was copied in."""
    try:
        return version(name) or ""
    except PackageNotFoundError:
        return ""


def _release(text: str) -> tuple[int, ...]:
    """Major and minor number: pre-releases count as what they precede."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def how_to_install(packages: list[str]) -> str:
    """The command for it, which works however this distribution was installed.

    ``pip install 'channels-bridge[...]'`` would not: pip looks for that name on an index, where a
    distribution that was installed from a folder or a repository need not be.
    """
    return join(["pip", "install", *packages])
