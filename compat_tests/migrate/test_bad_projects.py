"""Directories that are no project, files that cannot be read: said, skipped, never half written."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels_bridge.migrate import __main__ as command
from channels_bridge.migrate.model.project import LARGEST_FILE, Project
from compat_tests.migrate.test_command import TO_DO, WITHOUT_OURS, run
from compat_tests.migrate.trees import DONE, write

PYTHON_2 = 'print "hello"\n'
DJANGO_ONLY = {"manage.py": "", "mysite/settings.py": 'INSTALLED_APPS = ["django.contrib.auth"]\n'}


@pytest.mark.parametrize(
    "files, path, text",
    [
        ({}, "absent", "there is no directory"),
        ({"file": ""}, "file", "is not a directory"),
        ({"a.txt": ""}, ".", "is not a Django project"),
        (DJANGO_ONLY, ".", "does not use Channels"),
    ],
)
def test_no_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], path: str, text: str
) -> None:
    """2, and one line that says why."""
    assert run(write(tmp_path, files) / path) == 2
    error = capsys.readouterr().err
    assert text in error and error.count("\n") == 1


def test_circle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A link that leads to itself is no directory."""
    (tmp_path / "circle").symlink_to("circle")
    assert run(tmp_path / "circle") == 2
    assert "circle" in capsys.readouterr().err


def test_links_in_circles(tmp_path: Path) -> None:
    """Within a project they are not followed."""
    root = write(tmp_path, DONE)
    (root / "again").symlink_to(root)
    (root / "itself.py").symlink_to("itself.py")
    assert run(root) == 0


#: Files that are skipped, why, and how the command ends.
SKIPPED = {
    "Python 2": ("old.py", PYTHON_2.encode(), "cannot be parsed as Python 3", 0),
    "Python 2 with channels": ("old.py", f"import channels\n{PYTHON_2}".encode(), "line 2", 3),
    "settings": ("mysite/settings/local.py", b"X = (\n", "line 1 cannot be parsed", 3),
    "asgi.py": ("other/asgi.py", b"x = = 1\n", "line 1 cannot be parsed", 3),
    "null": ("null.py", b"x = 1\0\n", "cannot contain null bytes", 0),
    "nesting": ("deep.py", b"x = " + b"-" * 100_000 + b"1\n", "cannot be parsed", 0),
    "encoding": ("latin.py", b"x = '\xe9'\n", "cannot be decoded", 0),
    "unknown encoding": ("klingon.py", b"# coding: klingon\n", "unknown encoding", 0),
    "huge": ("huge.py", b"#" * (LARGEST_FILE + 1), "larger than 1 MB", 0),
    "huge settings": ("settings.py", b"#" * (LARGEST_FILE + 1), "larger than 1 MB", 3),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """A file that cannot be read is named; 3 if something of interest may be in it."""
    path, data, text, code = SKIPPED[name]
    place = write(tmp_path, DONE) / path
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(data)
    assert run(tmp_path) == code
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  " + path)]
    assert text in line


def test_only_settings_are_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is left to recognise a project by, the reason is told."""
    assert run(write(tmp_path, {"settings.py": "INSTALLED_APPS = [\n"})) == 3
    assert "settings.py: line 1 cannot be parsed" in capsys.readouterr().err


def test_warnings_of_python(tmp_path: Path) -> None:
    """Nothing is said of what Python warns of, such as an odd escape in a string."""
    files = {**DONE, "a.py": "import daphne\nx = '\\d'\n"}
    project = Project(write(tmp_path, files))
    assert len(project.python) == 4 and project.problems == []


def test_vanished(tmp_path: Path) -> None:
    """A file that is gone when it is to be read is skipped."""
    project = Project(write(tmp_path, DONE))
    (tmp_path / "mysite/settings.py").unlink()
    assert "mysite/settings.py" not in [module.path for module in project.python]
    [problem] = project.problems
    assert (problem.path, problem.matters) == ("mysite/settings.py", True)
    assert "cannot be read" in problem.text


def test_templates(tmp_path: Path) -> None:
    """YAML that only becomes YAML by Jinja is no obstacle."""
    jinja = "{% for package in packages %}\n  - {{ package }}\n{% endfor %}\n"
    assert run(write(tmp_path, {**DONE, "environment.yml": jinja})) == 0


def test_changed_while_it_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody else writes meanwhile stays as they wrote it."""
    place = write(tmp_path, TO_DO) / "mysite/settings.py"
    theirs = WITHOUT_OURS + "DEBUG = True\n"

    def uncommitted(*args: object) -> None:
        place.write_text(theirs)

    monkeypatch.setattr(command.git_state, "uncommitted", uncommitted)
    assert run(tmp_path, "--write") == 3
    assert place.read_text() == theirs
    assert "it was changed while it was read; run the command again" in capsys.readouterr().out


def test_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stays whole if it cannot be replaced, and nothing is left beside it."""
    place = write(tmp_path, TO_DO) / "mysite/settings.py"

    def replace(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", replace)
    assert run(tmp_path, "--write") == 3
    assert place.read_text() == WITHOUT_OURS
    assert sorted(path.name for path in place.parent.iterdir()) == ["asgi.py", "settings.py"]
    assert "it was not written: No space left on device" in capsys.readouterr().out
