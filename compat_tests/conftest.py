"""Fixtures that several folders of tests use, and how the suite is divided and summed up."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.db import connections

from compat_tests.groups.nats.nats_servers import NatsCluster, NatsServer

#: Properties of tests that are told at the end, by whichever process they ran in: a line as it is,
#: and the kind of a scenario's outcome, which is counted.
LINE, OUTCOME = "line", "outcome"

# A shell without job control, as a script in the background, lets Ctrl-C be ignored by all that is
# started; tests send it to what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What is started compiles what it imports once, and not at each start: a quarter of its time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def close_connections(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave no database connection open in the thread of ``sync_to_async()``.

    Tests that come later may not touch the database, which includes looking after a connection.
    """
    yield
    if request.node.get_closest_marker("django_db"):
        SyncToAsync.single_thread_executor.submit(connections.close_all).result(10)


@pytest.fixture
def socket_dir() -> Iterator[Path]:
    """A private directory whose path is short enough for unix sockets (pytest's own may not be)."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """A node with JetStream, for tests that do it no harm. Each has a prefix of its own there."""
    with NatsServer(jetstream=True) as server:
        yield server


@pytest.fixture(scope="session")
def nats_cluster() -> Iterator[NatsCluster]:
    """Three nodes with JetStream, for tests that do them no harm."""
    with NatsCluster(jetstream=True) as cluster:
        yield cluster


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Divide the tests our way, whatever ``--dist`` says: there is no other that is right."""
    from compat_tests.parallel import Scheduling

    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # this is a process of pytest-xdist
        from compat_tests.parallel import longest_first

        longest_first(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what has been compared."""
    passed = terminalreporter.getreports("passed")
    told = [told for report in passed if report.when == "call" for told in report.user_properties]
    for line in (value for name, value in told if name == LINE):
        terminalreporter.write_line(str(line))
    outcomes = Counter(value for name, value in told if name == OUTCOME)
    if outcomes:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(outcomes.items()))
        terminalreporter.write_line(
            f"scenarios compared under Daphne, uvicorn and websockets_server: "
            f"{sum(outcomes.values())}: {counts}"
        )
