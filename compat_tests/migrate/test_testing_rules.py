"""CB5xx: what is found in a project's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.migrate.trees import found, settings

REDIS = "channels_redis.core.RedisChannelLayer"
MEMORY = "channels.layers.InMemoryChannelLayer"
SQLITE = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db"}}'
LIVE = "from channels_bridge.testing import ChannelsLiveServerTestCase\n\n\n"


@pytest.mark.parametrize(
    "path, text, expected",
    [
        ("tests/test_a.py", f'override({{"BACKEND": "{REDIS}"}})\n', [("CB501", "I", 1)]),
        ("chat/fixtures.py", f'x = {{"BACKEND": "{REDIS}"}}\n', []),
        ("tests/a.py", "from channels.testing import HttpCommunicator\n", [("CB502", "I", 1)]),
        ("tests/a.py", "import channels.testing.live\n", [("CB502", "I", 1)]),
        (
            "tests/test_a.py",
            f'from unittest import mock\nmock.patch("{REDIS}.group_send")\n',
            [("CB503", "W", 2)],
        ),
        ("tests/test_a.py", f'from unittest.mock import patch\npatch("{MEMORY}.send")\n', []),
    ],
)
def test_tests(tmp_path: Path, path: str, text: str, expected: list[object]) -> None:
    """Layers in tests, what they import, and what they mock."""
    assert found(tmp_path, {path: text}) == expected


def test_mocks_of_the_layer_in_memory(tmp_path: Path) -> None:
    """CB503: they matter where the settings have that layer."""
    layer = f'CHANNEL_LAYERS = {{"default": {{"BACKEND": "{MEMORY}"}}}}'
    mock = f'from unittest.mock import patch\npatch("{MEMORY}.send")\n'
    files = {**settings(layer), "tests/test_a.py": mock}
    assert ("CB503", "W", 2) in found(tmp_path, files)


@pytest.mark.parametrize(
    "database, body, expected",
    [
        (SQLITE, "pass", [("CB504", "W", 4)]),
        (SQLITE.replace('"db"', '"db", "TEST": {"NAME": "t"}'), "pass", []),
        ("", "get_application = lambda: app", [("CB504", "W", 5)]),
    ],
)
def test_live_servers(tmp_path: Path, database: str, body: str, expected: list[object]) -> None:
    """CB504: another process has to see the database and the application."""
    test = f"{LIVE}class Live(ChannelsLiveServerTestCase):\n    {body}\n"
    assert found(tmp_path, {**settings(database), "tests/test_a.py": test}) == expected
