"""Isolation of tests: a process that runs them keeps its groups to itself.

Tests neither need a server beside them nor reach the clients of one: in a process that runs them
the layers of the settings look for no hub and for no NATS server, unless a test asks for it. A
server's workers are never isolated, and layers that a test makes by hand, with an address, look for
the hub, or for NATS, at that address.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

#: How many blocks there are now in which hubs are used, and in which those of tests are.
_uses = 0
_relocations = 0

#: Where the hubs of tests are, in place of those that settings name.
_directory: Path | None = None


def is_isolated() -> bool:
    """Whether no hub is to be looked for."""
    return not _uses and (_is_django_testing() or _is_pytest_testing())


@contextlib.contextmanager
def using_hub() -> Iterator[None]:
    """Let the project's layers use their hub within this block, in a process that runs tests.

    Channels and memberships are not kept: with the block, and after it, layers begin anew.
    """
    global _uses
    _uses += 1
    try:
        yield
    finally:
        _uses -= 1


def relocate(directory: Path) -> None:
    """From now on use hubs, but such as are in a directory of their own, whatever settings say."""
    global _directory, _relocations, _uses
    _directory = directory
    _relocations += 1
    _uses += 1


@contextlib.contextmanager
def relocation(directory: Path) -> Iterator[None]:
    """The same for a block; all blocks of a process have the same directory."""
    global _relocations, _uses
    relocate(directory)
    try:
        yield
    finally:
        _relocations -= 1
        _uses -= 1


def is_relocated() -> bool:
    """Whether hubs are elsewhere than settings say."""
    return _relocations > 0


def relocated(address: str) -> str:
    """Return where the hub is that settings have at ``address``."""
    if not _relocations or _directory is None:
        return address
    # Two addresses are two hubs, here as well.
    return f"unix:{_directory / _digest(address)}.sock"


def relocated_prefix(prefix: str) -> str:
    """Return the prefix of subjects in NATS where settings have ``prefix``."""
    if not _relocations or _directory is None:
        return prefix
    # There is no other server of NATS, so these tests have subjects of their own.
    return f"tests-{_digest(_directory / prefix)}"


def _digest(what: object) -> str:
    return hashlib.sha256(str(what).encode()).hexdigest()[:12]


def _is_django_testing() -> bool:
    """Whether ``setup_test_environment()`` is in force: manage.py test and pytest-django call it.

    It also makes ``mail.outbox``, but so does the e-mail backend for tests, wherever that is used.
    """
    utils = sys.modules.get("django.test.utils")
    return hasattr(getattr(utils, "_TestState", None), "saved_data")


def _is_pytest_testing() -> bool:
    """Whether pytest runs a test here, without pytest-django. Programs that it starts don't."""
    return "PYTEST_CURRENT_TEST" in os.environ and "pytest" in sys.modules
