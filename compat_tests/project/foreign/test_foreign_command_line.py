"""Command lines of other servers, and what `websockets_server` answers to them."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from channels_bridge.management.commands.websockets_server import Command


def answer(line: str) -> str:
    """What a command line of another server's arguments is answered with."""
    errors = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        Command(stderr=errors).run_from_argv(["manage.py", "websockets_server", *line.split()])
    assert ended.value.code == 2
    return errors.getvalue()


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("-p 8000", ["-p of Daphne: write -b HOST:PORT"]),
        ("-p8000", ["-p of Daphne: write -b HOST:PORT"]),
        ("-b 0.0.0.0 --port=80", ["--port of Daphne: write -b HOST:PORT"]),
        ("-u /run/x.sock", ["-u of Daphne: write -b unix:/path"]),
        ("--proxy-headers", ["--proxy-headers of Daphne: write --forwarded-allow-ips"]),
        # argparse would take it for --access-log-format.
        ("--access-log -", ["--access-log of Daphne is not an option here: written by default"]),
        (
            "-t 60 -v 2 config.asgi:application",
            [
                "-t of Daphne is not an option here: no limit, as by default",
                "config.asgi:application: remove it; the setting ASGI",
            ],
        ),
        (
            "mysite.asgi:application --host 0.0.0.0 --port 80 --reload --ws-max-size 5",
            [
                "--host of uvicorn: write -b HOST:PORT",
                "--port of uvicorn: write -b HOST:PORT",
                "--ws-max-size of uvicorn: write --max-message-size (1 MiB, where",
                "mysite.asgi:application: remove it; the setting ASGI",
            ],
        ),
        (
            "-k uvicorn.workers.UvicornWorker -w 4 -b :80 -p /run/pid mysite.asgi",
            [
                "-k of gunicorn is not an option here: asyncio",
                "-p of gunicorn is not an option here: left to what starts the server",
                "mysite.asgi: remove it; the setting ASGI",
            ],
        ),
        ("mysite.asgi.application", ["mysite.asgi.application: remove it; the setting ASGI"]),
        ("8000", ["8000: write -b 127.0.0.1:8000"]),
        ("0.0.0.0:8000 -w 2", ["0.0.0.0:8000: write -b 0.0.0.0:8000"]),
        ("[::1]:8000 --noreload", ["--noreload of runserver", "[::1]:8000: write -b [::1]:8000"]),
        (
            "--metrics-port 9090",
            ["--metrics-port of granian: write --metrics HOST:PORT (see Metrics and logs"],
        ),
    ],
)
def test_options_of_other_servers(line, lines):
    """Each argument that is another server's is answered with what it is called here, or why it
    isn't there; its value, and ours, are left alone.
    """
    answered = answer(line).removeprefix("CommandError: ").splitlines()
    assert len(answered) == len(lines), answered
    for told, expected in zip(answered, lines, strict=True):
        assert told.strip().startswith(expected)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("--no-such-option", "unrecognized arguments: --no-such-option"),
        ("-b :80 nonsense", "unrecognized arguments: nonsense"),
        ("--wokers 4", "unrecognized arguments: --wokers 4"),
    ],
)
def test_other_mistakes(capsys, line, error):
    """What is no other server's is answered as by any command."""
    assert answer(line) == ""
    assert error in capsys.readouterr().err


def test_names_that_are_ours(monkeypatch):
    """An option that we have by the same name is ours, whatever its value is, and so is the
    beginning of one.
    """
    handled = {}
    monkeypatch.setattr(Command, "handle", lambda self, **options: handled.update(options))
    line = "-b localhost:80 -w 4 --workers 2 --reload --root-path 8000 --server-name a.asgi:b -v 0"
    line += " --shutdown 5 --no-htt"
    Command().run_from_argv(["manage.py", "websockets_server", *line.split()])
    assert handled["root_path"] == "8000"
    assert handled["server_name"] == "a.asgi:b"
    assert handled["workers"] == 2
    assert (handled["shutdown_timeout"], handled["http"]) == (5, False)


def test_from_code():
    """`call_command()` takes the options of the command, and no others."""
    with pytest.raises(CommandError, match="unrecognized arguments: -p 8000"):
        call_command("websockets_server", "-p", "8000")
    with pytest.raises(TypeError, match="port"):
        call_command("websockets_server", port=8000)
