"""``python -m channels_bridge.bench`` measures the stacks that are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from channels_bridge.bench.options import parse
from compat_tests.servers import run_python

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "chat"


def bench(result: Path, *options: str, cwd: Path, **variables: str) -> list[dict[str, Any]]:
    """Run the command for a short while; return its rows."""
    arguments = [*options, "--rounds=1", "--warmup=0.2", "--seconds=0.5", f"--json={result}"]
    env = {"PYTHONPATH": f"{ROOT}{os.pathsep}{cwd}", **variables}
    run_python(cwd, "-m", "channels_bridge.bench", *arguments, env=env, timeout=100)
    rows: list[dict[str, Any]] = json.loads(result.read_text())["rows"]
    return rows


def check(row: dict[str, Any]) -> None:
    """Everything arrived, and what it took was read."""
    (round,) = row["rounds"]
    counts, figures = round["counts"], round["figures"]
    assert round["failure"] == ""
    assert counts["delivered"] == counts["expected"] > 0
    assert (counts["duplicated"], counts["out_of_order"], counts["connections_lost"]) == (0, 0, 0)
    assert figures["base_mib"] > 0
    assert {"rate", "cpu_us", "p99_ms", "generator_busy"} <= set(figures)


def test_sample_project(tmp_path: Path) -> None:
    """Without a project of the user's, the sample is measured."""
    options = "--scenario=large", "--stacks", "websockets_server"
    (row,) = bench(tmp_path / "result.json", *options, cwd=ROOT)
    assert (row["scenario"], row["stack"]) == ("large", "websockets_server")
    check(row)


def test_own_project(tmp_path: Path) -> None:
    """A user's own project is measured, with its settings and its messages."""
    database = {"CHAT_DATABASE": str(tmp_path / "chat.sqlite3")}
    run_python(EXAMPLE, "manage.py", "migrate", "-v", "0", env=database)
    options = [
        "--app=chatsite.asgi:application",
        "--settings=chatsite.settings",
        "--path=/ws/chat/room{group}/?name=me",
        '--message={"type": "typing"}',
        '--message={"type": "say", "text": "{id}"}',
        "--connections=4",
        "--groups=2",
        "--deflate",
        "--scenario=app",
        "--stacks",
        "websockets_server",
    ]
    (row,) = bench(tmp_path / "result.json", *options, cwd=EXAMPLE, **database)
    assert (row["scenario"], row["stack"]) == ("app", "websockets_server")
    check(row)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--app=a:b", "--settings=c"], "--message with {id}"),
        (["--app=a:b", "--message={id}"], "--settings"),
        (["--app=a:b", "--settings=c", "--message={id}", "--groups=3"], "multiple of --groups"),
        (["--scenario=none"], "invalid choice: 'none'"),
        (["--scenario=app"], "--scenario app goes with --app"),
        (["--app=a:b", "--scenario=fanout"], "--scenario fanout does not go with --app"),
    ],
)
def test_usage(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What makes no sense is said, and how it is meant."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    with pytest.raises(SystemExit):
        parse(arguments)
    assert message in capsys.readouterr().err
