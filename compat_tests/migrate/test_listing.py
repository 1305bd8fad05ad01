"""Which files of a project are looked at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from channels_bridge.migrate.model.listing import list_files

FILES = {
    "manage.py": "",
    "chat/consumers.py": "",
    "chat/migrations/0001_initial.py": "",
    "env/pyvenv.cfg": "",
    "env/lib/site.py": "",
    "web/node_modules/a/setup.py": "",
    "data.txt": "",
}
OWN = ("chat/consumers.py", "data.txt", "manage.py")


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def test_without_git(tmp_path: Path) -> None:
    """Others' code and migrations are left out."""
    write(tmp_path, FILES)
    assert list_files(tmp_path) == OWN


def test_with_git(tmp_path: Path) -> None:
    """So is what git ignores, and what was deleted since; what is new is not."""
    write(tmp_path, {**FILES, ".gitignore": "*.log\n", "a.log": "", "gone.py": ""})
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    (tmp_path / "gone.py").unlink()
    write(tmp_path, {"new.py": ""})
    assert list_files(tmp_path) == (".gitignore", *OWN, "new.py")


@pytest.mark.parametrize("git", [False, True])
def test_links(tmp_path: Path, git: bool) -> None:
    """Symbolic links are not followed, out of the project or in circles."""
    write(tmp_path, {"outside/secret.py": "", "site/manage.py": ""})
    root = tmp_path / "site"
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "secret.py").symlink_to(tmp_path / "outside/secret.py")
    (root / "circle").symlink_to(root)
    (root / "itself.py").symlink_to("itself.py")
    if git:
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        subprocess.run(["git", "add", "."], cwd=root, check=True)
    assert list_files(root) == ("manage.py",)
