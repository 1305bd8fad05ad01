"""Commands of other servers, and our options in their place."""

from __future__ import annotations

import shlex

import pytest

from channels_bridge.management.commands.websockets_server import Command
from channels_bridge.migrate.commands.invocation import Invocation, find_invocation
from channels_bridge.migrate.commands.placed_text import PlacedText
from channels_bridge.migrate.commands.simple_commands import in_script
from channels_bridge.migrate.commands.translation import Translation, translate
from channels_bridge.server.bind import parse_bind


def invocation(line: str) -> Invocation | None:
    """The server that a line starts."""
    found = [find_invocation(command.words) for command in in_script(PlacedText.of(line))]
    return next(filter(None, found), None)


def options(translation: Translation) -> str:
    """Our options as they are written."""
    words = []
    for argument in translation.arguments:
        words += [argument.name, *([argument.value.written or "?"] if argument.value else [])]
    return " ".join(words)


CERTAIN = [
    ("daphne x.asgi:application", "-b 127.0.0.1:8000"),
    ("daphne -b 0.0.0.0 -p 8000 x.asgi:application", "-b 0.0.0.0:8000"),
    ("daphne -b 0.0.0.0 -p8001 -v2 x.asgi:application", "-b 0.0.0.0:8001"),
    ("daphne --port=$PORT --bind=0.0.0.0 x.asgi:application", "-b 0.0.0.0:$PORT"),
    ('daphne -p "${PORT:-80}" x.asgi:application', '-b 127.0.0.1:"${PORT:-80}"'),
    ("daphne -b :: x.asgi:application", "-b [::]:8000"),
    ("daphne -u /run/x.sock --fd 0 x.asgi:application", "-b unix:/run/x.sock -b fd:0"),
    (
        "daphne -u /run/x.sock --proxy-headers x.asgi:application",
        "-b unix:/run/x.sock --forwarded-allow-ips unix",
    ),
    (
        "daphne --proxy-headers x.asgi:application",
        "-b 127.0.0.1:8000 --forwarded-allow-ips 127.0.0.1",
    ),
    ("daphne -e tcp:port=80:interface=10.0.0.1 x.asgi:application", "-b 10.0.0.1:80"),
    (
        "daphne -e ssl:443:privateKey=k.pem:certKey=c.pem x.asgi:application",
        "-b 0.0.0.0:443 --ssl-certfile c.pem --ssl-keyfile k.pem",
    ),
    (
        "daphne --access-log - --ping-interval 30 -s x --no-server-name x.asgi:application",
        "-b 127.0.0.1:8000 --ping-interval 30 --server-name x",
    ),
    (
        "uvicorn x.asgi:application --host 0.0.0.0 --workers 4 --loop uvloop",
        "-b 0.0.0.0:8000 -w 4 --forwarded-allow-ips 127.0.0.1",
    ),
    ("uvicorn x.asgi:application --host 0.0.0.0 --reload", "-b 0.0.0.0:8000 --reload"),
    ("uvicorn --no-proxy-headers --port 80 x.asgi:application", "-b 127.0.0.1:80"),
    (
        "uvicorn --uds /x.sock --forwarded-allow-ips='*' x.asgi:application",
        "-b unix:/x.sock --forwarded-allow-ips '*'",
    ),
    (
        "uvicorn --fd 3 --ws-per-message-deflate false --limit-max-requests 9 x.asgi:application",
        "-b fd:3 --no-compression --max-requests 9",
    ),
    (
        "gunicorn x.asgi -k uvicorn.workers.UvicornWorker -b unix:/x.sock -w 3 -t 60",
        "-b unix:/x.sock -w 3 --worker-timeout 60",
    ),
    (
        "gunicorn x.asgi:application -k uvicorn_worker.UvicornWorker -b fd://3 -b :80",
        "-b fd:3 -b :80 --forwarded-allow-ips 127.0.0.1,::1",
    ),
    ("hypercorn x.asgi:application -b localhost -w 2", "-b localhost:8000 -w 2"),
    (
        "granian --interface asginl --host 0.0.0.0 --port 80 x.asgi:application",
        "-b 0.0.0.0:80",
    ),
    ("exec env A=b python -X dev -m uvicorn x.asgi:app --fd 3", "-b fd:3"),
    ("uv run --no-dev gosu me /venv/bin/daphne x.asgi:app", "-b 127.0.0.1:8000"),
]


@pytest.mark.parametrize(("line", "expected"), CERTAIN)
def test_certain(line: str, expected: str) -> None:
    """Each option is taken over, or left out where nothing is lost; our own parser accepts it."""
    found = invocation(line)
    translation = translate(found)
    assert options(translation) == expected
    assert translation.doubts == []
    parser = Command().create_parser("manage.py", "websockets_server")
    given = expected.replace("$PORT", "8000").replace("${PORT:-80}", "80")
    for bind in parser.parse_args(shlex.split(given)).bind:
        parse_bind(bind)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("daphne -b 0.0.0.0 --proxy-headers x.asgi:application", "--forwarded-allow-ips"),
        ("daphne --http-timeout 60 x.asgi:application", "no limit"),
        ("daphne --access-log /var/log/x x.asgi:application", "--no-access-log"),
        ("daphne --bogus x.asgi:application", "--bogus"),
        ("daphne -p 1 x.asgi:application extra", "extra"),
        ("daphne -b 0.0.0.0:80 -p 1 x.asgi:application", "0.0.0.0:80 is not a host"),
        ("daphne -p http x.asgi:application", "-p http"),
        ("daphne $OPTIONS x.asgi:application", "$OPTIONS"),
        ("daphne -e ssl:443:extraCertChain=x x.asgi:application", "-e ssl:443"),
        ("daphne -p 1 -e ssl:443 x.asgi:application", "certificate"),
        ("docker run image daphne x.asgi:application", "`docker`"),
        ("uvicorn --http2 x.asgi:application", "--http2"),
        ("uvicorn --ws none x.asgi:application", "--ws none"),
        ("uvicorn --loop asyncio x.asgi:application", "uvloop where it is installed"),
        ("hypercorn -k trio x.asgi:application", "uvloop where it is installed"),
        ("gunicorn x.asgi -k uvicorn.workers.UvicornH11Worker", "uvloop where it is installed"),
        ("uvicorn --app-dir src x.asgi:application", "--app-dir src"),
        ("uvicorn --fd 3 --uds /x x.asgi:application", "--fd and --uds"),
        ("gunicorn x.asgi:application", "class of its workers"),
        ("gunicorn x.asgi -c conf.py -k uvicorn_worker.UvicornWorker", "-c conf.py"),
        ("gunicorn x.asgi -b $BIND -k uvicorn_worker.UvicornWorker", "$BIND"),
        ("gunicorn x.asgi -k x.workers.Mine", "-k x.workers.Mine"),
        ("granian --static-path-mount x --interface asgi x.asgi:app", "--static-path-mount x"),
    ],
)
def test_doubts(line: str, words: str) -> None:
    """What somebody has to decide is said, and is never decided here."""
    doubts = translate(invocation(line)).doubts
    assert any(words in doubt.text for doubt in doubts), doubts


@pytest.mark.parametrize(
    "line",
    [
        "pip install daphne",
        "echo daphne",
        "ssh daphne x",
        "daphne --version",
        "gunicorn x.wsgi:application",
        "gunicorn x.wsgi -k gthread -b :80",
        "gunicorn config.asgi -k gevent",
        "granian --interface wsgi x.wsgi:application",
        "celery -A daphne worker",
        "systemctl restart daphne.service",
        "# daphne x.asgi:application",
        "python manage.py websockets_server",
    ],
)
def test_no_server(line: str) -> None:
    """A word is not a server: it has to be started, with an application."""
    assert invocation(line) is None


def test_wanted_workers() -> None:
    """The number that is asked for counts before the command's own."""
    translation = translate(invocation("uvicorn --fd 3 --workers 2 x.asgi:app"), workers=4)
    assert options(translation) == "-b fd:3 -w 4"
