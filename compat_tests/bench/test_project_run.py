"""``python -m compat_tests.bench`` measures what the project says of itself."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from compat_tests.bench import revisions
from compat_tests.servers import run_python


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the project's benchmark for a short while."""
    command = ["-m", "compat_tests.bench", *arguments]
    command += ["--rounds=1", "--warmup=0.2", "--seconds=0.5"]
    return run_python(revisions.REPOSITORY, *command, code=None, timeout=100)


def test_targets_and_documents(tmp_path: Path) -> None:
    """A run says which targets were reached, and puts its figures into a document."""
    document = tmp_path / "document.md"
    document.write_text("<!-- bench tables -->\n<!-- /bench -->\n")
    fill = (f"--fill={document}", "--part=tables")
    run = command("--scenario=large", "--stacks", "websockets_server", *fill)
    assert run.returncode == 0, run.stderr
    assert "reached: all: messages and connections of ours that went wrong: 0" in run.stdout
    assert "| websockets_server |" in document.read_text()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_against(tmp_path: Path) -> None:
    """Both sides of a comparison are measured, and printed as one line."""
    if not (revisions.REPOSITORY / ".git").exists():
        pytest.skip("the tests do not lie in a repository")
    result = tmp_path / "result.json"
    run = command("--against", "HEAD", "--scenario=large", f"--json={result}")
    assert run.returncode == 0, run.stderr
    assert "| large | CPU us/delivery |" in run.stdout
    here, there = json.loads(result.read_text())["rows"]
    assert there["stack"] == f"{here['stack']} at {revisions.commit('HEAD')}"
    for row in (here, there):
        (round,) = row["rounds"]
        assert round["counts"]["delivered"] == round["counts"]["expected"] > 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--against", "no-such-revision"], "no-such-revision"),
        (["--against", "HEAD", "--stacks", "daphne"], "takes no --stacks"),
        (["--fill", "README.md"], "--fill needs --rounds 3 and --seconds 3"),
    ],
)
def test_usage(arguments: list[str], message: str) -> None:
    """What makes no sense is said before anything is started."""
    run = command(*arguments)
    assert run.returncode == 2
    assert message in run.stderr
