"""The command: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from channels_bridge.migrate import __main__ as command
from channels_bridge.migrate.rule_book import all_rules
from compat_tests.migrate.trees import DONE, SETTINGS, write

#: What is switched by one edit in ``mysite/settings.py``.
WITHOUT_OURS = SETTINGS.replace('    "channels_bridge",\n', "")
TO_DO = {**DONE, "mysite/settings.py": WITHOUT_OURS}


def run(*argv: str | Path) -> int:
    """Run the command in this process. Returns its exit code."""
    return command.main([str(argument) for argument in argv])


def git(root: Path, *argv: str, stdin: bytes = b"") -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *identity, *argv], cwd=root, check=True, input=stdin)


def commit(root: Path) -> None:
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "before")


def test_as_a_program(tmp_path: Path) -> None:
    """It runs where no settings are, and imports no Django."""
    write(tmp_path, DONE)
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    argv = [sys.executable, "-X", "importtime", "-m", "channels_bridge.migrate", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (0, "Nothing to do.\n")
    assert re.search(r"\| +channels_bridge", done.stderr)
    assert not re.search(r"\| +django", done.stderr)


@pytest.mark.parametrize("mode", [(), ("--check",), ("--diff",), ("--format", "json")])
def test_exit_code(tmp_path: Path, mode: Sequence[str]) -> None:
    """0 if nothing is to be done, 1 if something would change, and nothing is written."""
    assert run(write(tmp_path / "a", DONE), *mode) == 0
    assert run(write(tmp_path / "b", TO_DO), *mode) == 1
    assert (tmp_path / "b/mysite/settings.py").read_text() == WITHOUT_OURS


def test_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It writes, says how to check it and how to go back, and has nothing to do then."""
    commit(write(tmp_path, TO_DO))
    assert run(tmp_path, "--write") == 0
    assert (tmp_path / "mysite/settings.py").read_text() == SETTINGS
    out = capsys.readouterr().out
    assert "E CB101 (done) " in out
    assert "Found: 1 error. 1 file was changed.\n" in out
    assert "git restore mysite/settings.py" in out
    assert run(tmp_path) == 0


def test_write_without_git(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside of a repository the changes are shown, to be undone by patch."""
    assert run(write(tmp_path, TO_DO), "--write") == 0
    assert '+    "channels_bridge",\n' in capsys.readouterr().out


def test_something_is_left(tmp_path: Path) -> None:
    """1 if a finding is left after writing; advice alone is no such finding."""
    assert run(write(tmp_path / "a", {**TO_DO, "a.py": "import daphne\n"}), "--write") == 1
    assert run(write(tmp_path / "b", {**TO_DO, "a.py": "import channels_redis\n"}), "--write") == 0


@pytest.mark.parametrize("untracked", [False, True])
def test_uncommitted(tmp_path: Path, capsys: pytest.CaptureFixture[str], untracked: bool) -> None:
    """What git could not bring back is not written over, unless that is asked for."""
    if untracked:
        commit(write(tmp_path, DONE))
        git(tmp_path, "rm", "-q", "--cached", "mysite/settings.py")
        git(tmp_path, "commit", "-qm", "untracked")
        write(tmp_path, TO_DO)
    else:
        commit(write(tmp_path, TO_DO))
        write(tmp_path, {"manage.py": DONE["manage.py"] + "# changed\n"})
    assert run(tmp_path, "--write") == 2
    assert "git has uncommitted changes" in capsys.readouterr().err
    assert (tmp_path / "mysite/settings.py").read_text() == WITHOUT_OURS
    assert run(tmp_path, "--write", "--force") == 0
    assert (tmp_path / "mysite/settings.py").read_text() == SETTINGS


def test_new_files_do_not_matter(tmp_path: Path) -> None:
    """A file that git does not know is nobody's loss if it is not written."""
    commit(write(tmp_path, TO_DO))
    write(tmp_path, {"notes.txt": "new"})
    assert run(tmp_path, "--write") == 0


def test_hooks_are_not_run(tmp_path: Path) -> None:
    """Nothing of the project is run: neither what it has git run when that looks at its files."""
    commit(write(tmp_path, TO_DO))
    hook = tmp_path / ".git/hooks/post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch was_run\n")
    hook.chmod(0o755)
    os.utime(tmp_path / "manage.py", (1, 1))  # git would note that this doesn't count
    assert run(tmp_path, "--write") == 0
    assert not (tmp_path / "was_run").exists()


#: Files as bytes: the settings before, and after.
BYTES = {
    "newlines of Windows": (
        WITHOUT_OURS.replace("\n", "\r\n").encode(),
        SETTINGS.replace("\n", "\r\n").encode(),
    ),
    "byte order mark": (
        b"\xef\xbb\xbf" + WITHOUT_OURS.encode(),
        b"\xef\xbb\xbf" + SETTINGS.encode(),
    ),
    "latin-1": (
        f"# coding: latin-1\n# \xe9t\xe9\n{WITHOUT_OURS}".encode("latin-1"),
        f"# coding: latin-1\n# \xe9t\xe9\n{SETTINGS}".encode("latin-1"),
    ),
    "more than ASCII": (
        f"# \u00fc\U0001f600\n{WITHOUT_OURS}".encode(),
        f"# \u00fc\U0001f600\n{SETTINGS}".encode(),
    ),
    "form feed": (f"X = 1\n\f\n{WITHOUT_OURS}".encode(), f"X = 1\n\f\n{SETTINGS}".encode()),
    "no newline at the end": (WITHOUT_OURS.rstrip().encode(), SETTINGS.rstrip().encode()),
}


@pytest.mark.parametrize("name", BYTES)
@pytest.mark.parametrize("way", ["write", "diff", "json"])
def test_bytes(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], name: str, way: str
) -> None:
    """Encoding, newlines, byte order mark and mode stay, in each way of writing."""
    before, after = BYTES[name]
    place = write(tmp_path, DONE) / "mysite/settings.py"
    place.write_bytes(before)
    place.chmod(0o640)
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "core.autocrlf", "false")
    if way == "write":
        assert run(tmp_path, "--write", "--force") == 0
    elif way == "diff":
        assert run(tmp_path, "--diff") == 1
        git(tmp_path, "apply", stdin=capfdbinary.readouterr().out)
    else:
        assert run(tmp_path, "--format", "json") == 1
        apply_json(tmp_path, capfdbinary.readouterr().out)
    assert place.read_bytes() == after
    assert way == "diff" or place.stat().st_mode & 0o777 == 0o640


def apply_json(root: Path, report: bytes) -> None:
    """Make the edits of a report, which are ranges of bytes, as a program would."""
    for finding in json.loads(report)["findings"]:
        for edit in sorted(finding["edits"], key=lambda edit: -edit["start"]):
            data = (root / edit["path"]).read_bytes()
            text = edit["text"].encode()
            (root / edit["path"]).write_bytes(data[: edit["start"]] + text + data[edit["end"] :])


def test_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Findings by file, once for a rule with a count; the diff; what is left, in numbers."""
    text = "import daphne\nimport daphne.cli\n"
    assert run(write(tmp_path, {**TO_DO, "a.py": text})) == 1
    out = capsys.readouterr().out
    assert "a.py\n      1:1 W CB409 This relies on Daphne: daphne is imported.\n" in out
    assert "and 1 more, in line 2\n" in out
    assert "--- a/mysite/settings.py\n+++ b/mysite/settings.py\n" in out
    assert "To do\n  1. CB409 " in out
    assert out.endswith("Found: 1 error, 2 warnings. --write changes 1 file.\n")


def test_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--check leaves out the diff."""
    assert run(write(tmp_path, TO_DO), "--check") == 1
    out = capsys.readouterr().out
    assert "CB101" in out and "+++" not in out


def test_sarif(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SARIF has all rules, and a finding with its place, its fix and a fingerprint that lasts."""
    run(write(tmp_path, {**TO_DO, "old.py": "print 'x'\n"}), "--format", "sarif")
    document = json.loads(capsys.readouterr().out)
    [sarif] = document["runs"]
    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in sarif["tool"]["driver"]["rules"]] == sorted(all_rules())
    [result] = sarif["results"]
    assert (result["ruleId"], result["level"]) == ("CB101", "error")
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 1}
    [change] = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "mysite/settings.py"
    assert change["replacements"][0]["insertedContent"]["text"] == '    "channels_bridge",\n'
    [note] = sarif["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("old.py was skipped: line 1 ")
    write(tmp_path, {"mysite/settings.py": f"# above\n{WITHOUT_OURS}"})
    run(tmp_path, "--format", "sarif")
    [moved] = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert moved["partialFingerprints"] == result["partialFingerprints"]


def test_github(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each finding, escaped as workflow commands want it."""
    run(write(tmp_path, {**DONE, "a,b.py": "import daphne\n"}), "--format", "github")
    assert capsys.readouterr().out.startswith("::warning file=a%2Cb.py,line=1,col=1,title=CB409::")


def test_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a project, too."""
    assert run("--list-rules") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(all_rules())


def test_rules_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """By their ids, in small letters, too; others are refused."""
    assert run("--explain", "cb108") == 0
    assert capsys.readouterr().out.startswith("CB108 (E): asgi.py and manage.py ")
    assert run("--explain", "CB999") == 2
    assert "--list-rules lists them" in capsys.readouterr().err


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs tomllib")
@pytest.mark.parametrize(
    "table, code",
    [
        ('ignore = ["CB1"]', 0),
        ("ignore = []", 1),
        ('ignore = ["XY"]', 2),
        ('ignore = "CB1"', 2),
        ("exclude = []", 2),
        ("ignore = ", 2),
    ],
)
def test_pyproject(tmp_path: Path, table: str, code: int) -> None:
    """pyproject.toml says which rules do not count; mistakes in it are errors."""
    toml = f"[tool.channels_bridge.migrate]\n{table}\n"
    assert run(write(tmp_path, {**TO_DO, "pyproject.toml": toml})) == code


@pytest.mark.parametrize(
    "argv", [[], ["--select", "X1", "."], ["--workers", "-1", "."], ["--write", "--check", "."]]
)
def test_usage(argv: list[str]) -> None:
    """A wrong command line is 2."""
    with pytest.raises(SystemExit) as exit:
        run(*argv)
    assert exit.value.code == 2
