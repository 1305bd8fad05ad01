"""A tree is measured beside another revision of the project."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from channels_bridge.bench.generator.ledger import Counts
from channels_bridge.bench.report.results import Results, Round
from channels_bridge.bench.stacks import sites
from channels_bridge.bench.stacks.processes import ProcessFailed
from compat_tests.bench import against, revisions

IDENTITY = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
COMMAND = Path("channels_bridge", "management", "commands", "websockets_server.py")

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(repository: Path, *arguments: str) -> None:
    """Run git, whose settings on this machine do not matter."""
    subprocess.run(["git", *IDENTITY, *arguments], cwd=repository, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository in which the package was committed with a server that cannot start."""
    path = tmp_path / "repository"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        revisions.REPOSITORY / revisions.PACKAGE, path / "channels_bridge", ignore=ignored
    )
    (path / COMMAND).write_text('raise SystemExit("this is the other revision")\n')
    git(path, "init", "-q")
    git(path, "add", "channels_bridge")
    git(path, "commit", "-qm", "Break the server")
    return path


@needs_git
def test_each_revision_is_served_from_its_own_files(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault in the other revision fails that one's server, and not this tree's."""
    site = sites.sample(tmp_path)
    commit = revisions.commit("HEAD", repository)
    with revisions.checkout(commit, repository) as directory:
        stacks = revisions.stacks(commit, directory)
        with stacks["websockets_server"].serve(site, tmp_path) as running:
            assert running.port
        with (
            pytest.raises(ProcessFailed),
            stacks[f"websockets_server at {commit}"].serve(site, tmp_path),
        ):
            pass
    assert "this is the other revision" in capsys.readouterr().err
    assert not directory.exists()


@needs_git
def test_state(repository: Path) -> None:
    """A tree is named by its commit, and it is said where files differ from it."""
    commit = revisions.commit("HEAD", repository)
    assert revisions.state(repository) == commit
    (repository / COMMAND).write_text("")
    assert revisions.state(repository) == f"{commit}-dirty"


def test_scenarios() -> None:
    """Each stack of ours is followed by the other revision's, and no load has fewer rounds."""
    for scenario in against.scenarios(against.COMPARED, "abc"):
        for case in scenario.cases:
            assert all(name.startswith("websockets_server") for name in case.stacks)
            assert case.stacks[1::2] == [f"{name} at abc" for name in case.stacks[::2]]
            assert set(case.stacks) <= set(revisions.stacks("abc", Path()))
            assert case.rounds is None


def test_ratios() -> None:
    """Both sides are told with the ratio of each round, and with what one of them lost."""
    results = Results({})
    for here, there in ((10, 20), (30, 20), (44, 40)):
        results.add("echo", "", "websockets_server", Round(Counts(5, 5), {"cpu_us": here}))
        other = Round(Counts(5, 4), {"cpu_us": there})
        results.add("echo", "", "websockets_server at abc", other)
    _, _, line, wrong = against.text(results, "abc").splitlines()
    assert [cell.strip() for cell in line.split("|")[1:-1]] == [
        "echo",
        "CPU us/message",
        "30.0 (10.0-44.0)",
        "20.0 (20.0-40.0)",
        "1.100",
        "0.500, 1.500, 1.100",
    ]
    assert wrong == "websockets_server at abc, echo: 3 of 15 lost"
