"""The division of the suite among pytest-xdist's workers: whole files, the longest first."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

#: Files and folders that run one after the other, by what they share.
TOGETHER = {
    # Servers that run until the end of the session, or of the package.
    "compat_tests/parity/": "parity",
    "compat_tests/server/monitoring/": "monitoring",
    "compat_tests/resume/browser/": "resume in a browser",
    # Processes of one project find each other, and groups would cross from test to test.
    "compat_tests/e2e/": "examples",
    "compat_tests/native/test_server.py": "examples",
    "compat_tests/bench/test_command.py": "examples",
}

#: What takes longest (`--durations=50`): it comes first, lest one worker is left alone with it.
LONGEST = (
    "compat_tests/differences/test_differences.py",
    "compat_tests/swap/",
    "compat_tests/parity/",
    "compat_tests/groups/nats/faults/test_faults.py",
    "compat_tests/test_bad_input.py",
    "compat_tests/e2e/",
    "compat_tests/resume/browser/",
    "compat_tests/callers/test_callers.py",
    "compat_tests/hosts/",
    "compat_tests/chaos/test_chaos.py",
    "compat_tests/groups/test_forks_and_threads.py",
    "compat_tests/server/supervisor/test_supervisor.py",
    "compat_tests/groups/grpc/hub/test_hub_failures.py",
    "compat_tests/surface/test_testing.py",
    "compat_tests/third_party/",
    "compat_tests/server/monitoring/",
    "compat_tests/event_stream/test_on_servers.py",
    "compat_tests/management/test_runserver.py",
    "compat_tests/surface/test_runworker.py",
    "compat_tests/server/supervisor/test_graceful_reload.py",
    "compat_tests/callers/test_healing.py",
    "compat_tests/groups/test_credentials.py",
)


class Scheduling(LoadScopeScheduling):
    """Gives each worker whole files, or what ``TOGETHER`` says, in the order of the collection."""

    def __init__(self, config, log=None):
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((TOGETHER[path] for path in TOGETHER if file.startswith(path)), file)


def longest_first(items: list[pytest.Item]) -> None:
    """Put the longest first; the rest stays as it is."""
    items.sort(key=lambda item: _place(item.nodeid))


def _place(nodeid: str) -> int:
    places = (place for place, path in enumerate(LONGEST) if nodeid.startswith(path))
    return next(places, len(LONGEST))
