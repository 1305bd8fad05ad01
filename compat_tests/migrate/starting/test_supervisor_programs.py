"""Programs of supervisor of which there are several processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat_tests.migrate.trees import migrated, migration

PROGRAM = """\
[fcgi-program:asgi]
socket=tcp://localhost:8000
directory=/srv/mysite
command=/venv/bin/daphne -u /run/asgi%(process_num)d --fd 0 --proxy-headers mysite.asgi:application
numprocs=4
process_name=asgi%(process_num)d
"""
BECOMES = """\
[fcgi-program:asgi]
socket=tcp://localhost:8000
directory=/srv/mysite
stopwaitsecs=20
command=/venv/bin/python manage.py websockets_server -b fd:0 --forwarded-allow-ips 127.0.0.1 -w 4
numprocs=1
process_name=asgi%(process_num)d
"""


def test_one_with_workers(tmp_path: Path) -> None:
    """One server with workers takes over the shared socket."""
    assert migrated(tmp_path, {"asgi.conf": PROGRAM})["asgi.conf"] == BECOMES


def test_wanted_workers(tmp_path: Path) -> None:
    """The number of workers can be given."""
    text = migrated(tmp_path, {"asgi.conf": PROGRAM}, workers=2)["asgi.conf"]
    assert text == BECOMES.replace("-w 4", "-w 2")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (PROGRAM.replace("localhost", "0.0.0.0"), "whom to believe"),
        (PROGRAM.replace(" --fd 0", ""), "by --fd 0"),
        (PROGRAM.replace("numprocs=4", "numprocs=%(ENV_N)s"), "numprocs is %(ENV_N)s"),
        (PROGRAM.replace("/venv/bin/daphne", "daphne"), "which Python"),
    ],
)
def test_doubts(tmp_path: Path, changed: str, words: str) -> None:
    """What is not certain is proposed."""
    result = migration(tmp_path, {"asgi.conf": changed})
    (finding,) = [one for one in result.findings if one.rule.id == "CB209"]
    assert words in finding.fix
    assert result.changes() == []


def test_sockets_that_a_proxy_names(tmp_path: Path) -> None:
    """The sockets of single processes stay while nginx names them."""
    nginx = "upstream a { server unix:/run/asgi0; }\n"
    result = migration(tmp_path, {"asgi.conf": PROGRAM, "nginx.conf": nginx})
    assert result.changes() == []


def test_addresses_of_their_own(tmp_path: Path) -> None:
    """Processes with a port each need another proxy first."""
    program = (
        "[program:a]\nnumprocs=2\n"
        "command=/v/bin/daphne -p 80%(process_num)02d mysite.asgi:application\n"
    )
    result = migration(tmp_path, {"asgi.conf": program})
    assert [one.rule.id for one in result.findings] == ["CB210"]
    assert result.changes() == []
