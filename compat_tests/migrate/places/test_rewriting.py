"""Start commands in each kind of file: before, after, and after again."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from channels_bridge.management.commands.websockets_server import Command
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.places import yaml_file
from channels_bridge.migrate.places.starts import lines_of
from channels_bridge.server.bind import parse_bind
from compat_tests.migrate.trees import found, migrated, migration

COMMAND = "daphne -b 0.0.0.0 -p 8000 mysite.asgi:application"
OURS = "python manage.py websockets_server -b 0.0.0.0:8000"
WORDS = '["daphne", "-b", "0.0.0.0", "-p", "8000", "mysite.asgi:application"]'
OUR_WORDS = '["python", "manage.py", "websockets_server", "-b", "0.0.0.0:8000"]'

#: The name of a file, what is in it, and what is in it afterwards.
FILES = [
    ("Procfile", f"web: {COMMAND}\nworker: celery\n", f"web: {OURS} -w 1\nworker: celery\n"),
    (
        "Procfile",
        "web: daphne -p $PORT -b 0.0.0.0 -v2 mysite.asgi:application\r\nw: x\r\n",
        "web: python manage.py websockets_server -b 0.0.0.0:$PORT -w 1\r\nw: x\r\n",
    ),
    ("Dockerfile", f"FROM x\nCMD {WORDS}\n", f"FROM x\nCMD {OUR_WORDS}\n"),
    (
        "Dockerfile",
        "FROM x AS a\n# CMD daphne mysite.asgi:application\n"
        'CMD ["daphne", \\\n  "mysite.asgi:application"]\n',
        "FROM x AS a\n# CMD daphne mysite.asgi:application\n"
        'CMD ["python", \\\n  "manage.py", \\\n  "websockets_server", \\\n  "-b", \\\n  '
        '"127.0.0.1:8000"]\n',
    ),
    ("Dockerfile", f"FROM x\nCMD {COMMAND}\n", f"FROM x\nCMD exec {OURS}\n"),
    (
        "Dockerfile",
        "FROM x\nENTRYPOINT exec /venv/bin/daphne \\\n    -p 80 \\\n    mysite.asgi:application\n",
        "FROM x\nENTRYPOINT exec /venv/bin/python manage.py websockets_server \\\n"
        "    -b 127.0.0.1:80\n",
    ),
    ("compose.yml", f"services:\n  a:\n    command: {COMMAND} # x\n", OURS),
    ("compose.yml", f"services:\n  a:\n    command: {WORDS}\n", OUR_WORDS),
    (
        "docker-compose.prod.yaml",
        "services:\n  a:\n    command:\n      - daphne\n      - -p\n      - '80'\n"
        "      - mysite.asgi:application\n    image: x\n",
        "    command:\n      - python\n      - manage.py\n      - websockets_server\n"
        "      - -b\n      - 127.0.0.1:80\n    image: x\n",
    ),
    (
        "compose.yaml",
        'services:\n  a:\n    command: sh -c "sleep 1 && daphne -p ${PORT:-80} '
        'mysite.asgi:application"\n',
        '"sleep 1 && python manage.py websockets_server -b 127.0.0.1:${PORT:-80}"',
    ),
    (
        "compose.yaml",
        "services:\n  a:\n    command: >\n      sh -c 'python manage.py migrate &&\n"
        f"      {COMMAND}'\n",
        f"    command: >\n      sh -c 'python manage.py migrate &&\n      {OURS}'\n",
    ),
    (
        "k8s/web.yaml",
        f"kind: Deployment\nspec:\n  containers:\n  - command: {WORDS}\n---\nkind: x\n",
        OUR_WORDS,
    ),
    ("render.yaml", f"services:\n  - type: web\n    startCommand: {COMMAND}\n", OURS),
    ("railway.json", json.dumps({"deploy": {"startCommand": COMMAND}}), OURS),
    (
        "task-definition.json",
        json.dumps({"containerDefinitions": [{"command": json.loads(WORDS)}]}, indent=4),
        '"python",\n                "manage.py",\n                "websockets_server",',
    ),
    ("fly.toml", f'[processes]\napp = "{COMMAND}"\n', f'app = "{OURS}"'),
    ("Makefile", f"run:\n\t@{COMMAND}\n", f"run:\n\t@{OURS}\n"),
    (
        "Makefile",
        "run:\n\tA=1 daphne -p $${PORT} mysite.asgi:application; \\\n\techo done\n",
        "run:\n\tA=1 python manage.py websockets_server -b 127.0.0.1:$${PORT}; \\\n\techo done\n",
    ),
    (
        "bin/entrypoint",
        f"#!/bin/sh\nset -e\npython3 manage.py migrate\nexec {COMMAND} >>log 2>&1\n",
        "exec python3 manage.py websockets_server -b 0.0.0.0:8000 >>log 2>&1\n",
    ),
    (
        "start.sh",
        '"$VENV"/bin/daphne -u "/run/$NAME.sock" mysite.asgi:application &\r\nwait\r\n',
        '"$VENV"/bin/python manage.py websockets_server -b unix:"/run/$NAME.sock" &\r\nwait\r\n',
    ),
    (
        "mysite@.service",
        "[Service]\nExecStart=/v/bin/daphne -u /run/%i.sock mysite.asgi:application\n",
        "ExecStart=/v/bin/python manage.py websockets_server -b unix:/run/%i.sock\n",
    ),
    (
        "supervisor.conf",
        "[program:a]\ncommand=/v/bin/daphne -p %(ENV_PORT)s mysite.asgi:application ; x\n",
        "command=/v/bin/python manage.py websockets_server -b 127.0.0.1:%(ENV_PORT)s ; x\n",
    ),
    ("uwsgi.ini", f"[uwsgi]\nattach-daemon = {COMMAND}\n", f"attach-daemon = {OURS}\n"),
]


@pytest.mark.parametrize(("name", "before", "after"), FILES)
def test_rewritten(tmp_path: Path, name: str, before: str, after: str) -> None:
    """The command alone is rewritten, in the quotes of its place; a second run changes nothing."""
    text = _written(tmp_path, name, before)
    assert after in text
    assert "\r\n" in text if "\r\n" in before else "\r" not in text
    assert (
        text.count("\n") == before.count("\n") or name.endswith(("yaml", "json")) or "\\" in before
    )
    _still_parses(name, text)


def _written(root: Path, name: str, before: str) -> str:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(before.encode())
    migrated(root, {name: before})
    return (root / name).read_bytes().decode()


def _still_parses(name: str, text: str) -> None:
    if name.endswith((".yml", ".yaml", ".json")):
        assert list(YAML(typ="safe").load_all(text))
    elif name.endswith((".service", ".conf", ".ini")):
        RawConfigParser(strict=False).read_string(text)


#: The name of a file, and what is in it that is only proposed or not seen.
LEFT_ALONE = [
    ("Dockerfile", f"FROM x\n# CMD {COMMAND}\nRUN echo {COMMAND}\n"),
    ("Dockerfile", f"FROM x\nRUN <<EOF\nCMD {COMMAND}\nEOF\n"),
    ("Dockerfile.j2", f"FROM x\nCMD {COMMAND} {{{{ more }}}}\n"),
    ("chart/web.yaml", f"kind: Deployment\nspec:\n  command: {{{{ x }}}} {COMMAND}\n  a: {{{{\n"),
    (
        "compose.yml",
        "services:\n  a:\n    command:\n    - daphne # x\n    - mysite.asgi:application\n",
    ),
    ("compose.yml", "services:\n  a: {hostname: daphne, image: daphne}\n"),
    ("run.sh", f"cat <<EOF >x.service\nExecStart={COMMAND}\nEOF\n"),
    ("run.sh", f"echo 'not closed\n{COMMAND}\n"),
    ("run.sh", "daphne >log mysite.asgi:application\n"),
    ("run.sh", f"# {COMMAND}\n"),
    ("run.sh", f"docker run x {COMMAND}\n"),
    ("run.sh", f"{COMMAND} $MORE\n"),
    ("script", f"#!/usr/bin/env python\n'''\n{COMMAND}\n'''\n"),
    ("README.md", f"Start it with `{COMMAND}`.\n"),
    ("daphne.service", "[Service]\nExecStart=/bin/sleep 1\n"),
    ("mysite.service", f"[Service]\nExecStart={COMMAND}\n"),
    ("x.conf", f"[program:a]\n;command={COMMAND}\n#command={COMMAND}\ncommand=x\n"),
    (".github/workflows/ci.yml", f"jobs:\n  a:\n    steps:\n    - run: {COMMAND}\n"),
]


@pytest.mark.parametrize(("name", "text"), LEFT_ALONE)
def test_left_alone(tmp_path: Path, name: str, text: str) -> None:
    """Comments, templates, documentation and what is not certain are never rewritten."""
    assert _written(tmp_path, name, text) == text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("Procfile", b"\x7fELF\x00\xff\xfe daphne"),
        ("compose.yml", b"services: [daphne\n  x: }"),
        ("compose.yml", b"services:\n\t- daphne"),
        ("railway.json", b'{"daphne": '),
        ("fly.toml", b"app = \"daphne\n= = 'x"),
        ("x.ini", b"daphne\n]]\n[uwsgi\nattach-daemon = 'daphne mysite.asgi:application"),
        ("Dockerfile", b'CMD ["daphne", \n'),
        ("Dockerfile", b'CMD ["daphne", "mysite.asgi:application", 3]\n'),
        ("x.service", b"[Service]\nExecStart=daphne 'mysite.asgi:application\\\n"),
        ("Makefile", b"x:\n\tdaphne 'mysite.asgi:application \\\n"),
        ("compose.yml", b"a: &a [*a, daphne]\n"),
        ("compose.yml", b"services: " + b"[" * 5000 + b"daphne"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, data: bytes) -> None:
    """What is broken is left as it is, and said where a server may be in it; nothing raises."""
    (tmp_path / name).write_bytes(data)
    result = migration(tmp_path, {})
    assert result.changes() == []
    assert (tmp_path / name).read_bytes() == data


def test_without_a_reader_of_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, files that it would read are named, and all others are read."""
    monkeypatch.setattr(yaml_file, "can_read", False)
    files = {"compose.yml": f"a: {COMMAND}\n", "Procfile": f"web: {COMMAND}\n"}
    result = migration(tmp_path, files)
    assert [change.file.path for change in result.changes()] == ["Procfile"]
    (problem,) = result.project.problems
    assert "pip install 'channels-bridge[migrate]'" in problem.text and problem.matters


def test_long_scripts(tmp_path: Path) -> None:
    """A script of ten thousand lines is read, and the command at its end is found."""
    script = "echo 'a b' && c\n" * 10_000 + f"exec {COMMAND}\n"
    assert ("CB201", "W", 10_001) in found(tmp_path, {"start.sh": script})


@pytest.mark.parametrize(("name", "before", "after"), FILES)
def test_our_parser_accepts_it(tmp_path: Path, name: str, before: str, after: str) -> None:
    """The command that a file has now is one that the server starts with."""
    _written(tmp_path, name, before)
    commands = [line.command for line in lines_of(Project(tmp_path)) if line.is_ours]
    words = [word.text.value for word in commands[-1].words]
    words = words[words.index("websockets_server") + 1 :]
    parser = Command().create_parser("manage.py", "websockets_server")
    rest = itertools.takewhile(lambda word: word != ";", words)
    for bind in parser.parse_args([_expanded(word) for word in rest]).bind:
        parse_bind(bind)


def _expanded(word: str) -> str:
    """A word as it may be once its variables are known."""
    return re.sub(r"\$\{[^}]*\}|\$\w+|%\(\w+\)s|%i", "80", word)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_units_verify(tmp_path: Path) -> None:
    """systemd accepts a unit that was rewritten."""
    before = f"[Service]\nExecStart={shutil.which('sh')} -c 'exec daphne mysite.asgi:application'\n"
    _written(tmp_path, "mysite.service", before)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "mysite.service")]
    assert subprocess.run(command, capture_output=True).returncode == 0
