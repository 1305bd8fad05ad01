"""Mistakes that a person can make in starting the server: each is answered with one line."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from channels_bridge.groups.discovery.runtime_directory import digest_of
from compat_tests.servers import environment

SETTINGS = """
SECRET_KEY = "x"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["channels_bridge"]
ASGI_APPLICATION = "asgi.application"
{}
"""

ASGI = """
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
pages = get_wsgi_application()
http = get_asgi_application()
application = ProtocolTypeRouter({"http": http, "websocket": URLRouter([])})
number = 7
"""

UNPRIVILEGED = 65534  # nobody


@pytest.fixture
def project(socket_dir):
    """A directory with a project; ``write()`` changes its files."""

    def write(settings="", asgi=ASGI):
        return write_project(socket_dir, settings, asgi)

    write()
    os.chmod(socket_dir, 0o755)
    yield write


def write_project(directory: Path, settings: str = "", asgi: str = ASGI) -> Path:
    """Write the files of a project."""
    (directory / "settings.py").write_text(SETTINGS.format(settings))
    (directory / "asgi.py").write_text(asgi)
    (directory / "urls.py").write_text("urlpatterns = []")
    return directory


def start(
    project: Path, *arguments: str, another_user: bool = False
) -> subprocess.CompletedProcess:
    """Run ``websockets_server`` where it should not start. Returns what it left."""
    command = [sys.executable, "-m", "django", "websockets_server", "-b", "127.0.0.1:0"]
    if another_user:
        command = [*SETPRIV, *command]
    if "-b" in arguments:
        command = command[:-2]
    return run(project, *command, *arguments)


def run(project: Path, *command: str) -> subprocess.CompletedProcess:
    """Run a program with a project's settings. Returns what it left."""
    env = environment({"DJANGO_SETTINGS_MODULE": "settings", "PYTHONDONTWRITEBYTECODE": "1"})
    env["PYTHONPATH"] = os.pathsep.join([str(project), env["PYTHONPATH"]])
    return subprocess.run(command, env=env, cwd=project, capture_output=True, text=True, timeout=60)


#: Runs the command with each line of arguments, none of which starts anything. A process for each
#: would mostly import Django.
EACH = """
import contextlib, io, json, sys
from django.core.management import execute_from_command_line
for line in json.loads(sys.argv[1]):
    said, code = io.StringIO(), 0
    with contextlib.redirect_stderr(said):
        try:
            execute_from_command_line(["manage.py", "websockets_server", *line])
        except SystemExit as ended:
            code = ended.code
    print(json.dumps([code, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def refuse(tmp_path_factory):
    """Tells how a line of arguments is refused; one process has had all of them."""
    lines = [("-b", bind) for bind, _ in BINDS]
    lines += [("-b", "127.0.0.1:0", option, value) for option, value, *_ in NUMBERS]
    project = write_project(tmp_path_factory.mktemp("project"))
    done = run(project, sys.executable, "-c", EACH, json.dumps(lines))
    assert done.returncode == 0, done.stderr
    answers = dict(zip(lines, map(json.loads, done.stdout.splitlines()), strict=True))

    def answer(*line: str) -> subprocess.CompletedProcess:
        code, said = answers[line]
        return subprocess.CompletedProcess(line, code, stderr=said)

    return answer


def assert_refused(result: subprocess.CompletedProcess, words: str, code: int = 1) -> None:
    """The command ended with this exit code, these words, and without a traceback."""
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert words in result.stderr


BINDS = [
    ("localhost", "CommandError: cannot listen on localhost: the port is missing; write"),
    ("localhost:eighty", "'eighty' is not a port number"),
    ("localhost:70000", "'70000' is not a port number"),
    ("::1:8000", "write [::1]:8000"),
    ("unix:", "the path is missing"),
    ("unix:/tmp/" + "x" * 120, "shorten it"),
    ("unix:/no/such/directory/s.sock", "its directory does not exist"),
    ("unix:/tmp", "it is a directory; write unix:/tmp/server.sock"),
    ("fd:99", "let what starts the server pass one, or write HOST:PORT"),
    ("192.0.2.1:8000", "write one that it has, or :PORT for every interface"),
    ("no-such-host.invalid:8000", "correct it, or write :8000 for every interface"),
]


@pytest.mark.parametrize(("bind", "words"), BINDS)
def test_bind(refuse, bind, words):
    """An address that can't be used: one line that says what to write instead."""
    result = refuse("-b", bind)
    assert_refused(result, words)
    assert len(result.stderr.splitlines()) == 1


def test_duplicate_bind(project):
    """The same address twice."""
    assert_refused(start(project(), "-b", ":8001", "-b", ":8001"), "given twice; remove one")


def test_occupied_port(project):
    """A port that another server has."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        assert_refused(start(project(), "-b", bind), "another server listens there")


def test_occupied_unix_socket(project, socket_dir):
    """A unix socket that another server has; it is left alone."""
    path = socket_dir / "s.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        assert_refused(start(project(), "-b", f"unix:{path}"), "another server listens there")
        assert path.exists()


SETPRIV = ["setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"]


def can_run_as_another_user() -> bool:
    """Whether we may become one, and this Python is where that user may read it."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return False
    command = [*SETPRIV, sys.executable, "-c", "import django"]
    return subprocess.run(command, capture_output=True).returncode == 0


needs_another_user = pytest.mark.skipif(
    not can_run_as_another_user(), reason="another user can't run this Python"
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chown takes root")


def privileged_port() -> bool:
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    return limit.exists() and int(limit.read_text()) > 80


@needs_another_user
@pytest.mark.skipif(not privileged_port(), reason="any user may listen on port 80 here")
def test_privileged_port(project):
    """A port that this user may not have."""
    result = start(project(), "-b", "127.0.0.1:80", another_user=True)
    assert_refused(result, "choose a port above 1023, with a proxy in front, or write Ambient")
    assert "directory" not in result.stderr


@needs_another_user
def test_forbidden_directory(project, socket_dir):
    """A unix socket in a directory that this user may not write to."""
    result = start(project(), "-b", f"unix:{socket_dir}/s.sock", another_user=True)
    assert_refused(result, "this user may not; choose a directory that it may write to")


NUMBERS = [
    ("--workers", "-1", "workers must be 0 (one per core) or more, not -1", 1),
    ("--workers", "auto", "-w/--workers: 'auto' is not a whole number, such as 4, or 0 for", 2),
    ("--ping-timeout", "0", "ping_timeout must be a number above 0, not 0.0", 1),
    ("--close-timeout", "nan", "close_timeout must be a number above 0, not nan", 1),
    ("--max-connections", "-1", "max_connections must be 0 or more, not -1", 1),
    ("--connection-burst", "0", "connection_burst must be a number above 0, not 0", 1),
    ("--max-message-size", "1M", "'1M' is not a whole number, such as 1048576", 2),
]


@pytest.mark.parametrize(("option", "value", "words", "code"), NUMBERS)
def test_numbers(refuse, option, value, words, code):
    """A number that can't be meant."""
    assert_refused(refuse("-b", "127.0.0.1:0", option, value), words, code)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("del ASGI_APPLICATION", "CommandError: neither ASGI_APPLICATION nor"),
        ('ASGI_APPLICATION = "asgi"', "by its dotted path"),
        ('ASGI_APPLICATION = "missing.application"', "named 'missing'; correct the setting"),
        ('ASGI_APPLICATION = "asgi.missing"', "asgi has no 'missing'"),
        ('ASGI_APPLICATION = "asgi.number"', "not an ASGI application but of type int"),
        ('ASGI_APPLICATION = "asgi.pages"', "which is a WSGI application; name the one in asgi.py"),
        ('CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.Grpc"}}', "E003"),
        ('CHANNEL_LAYERS = {"default": {"BACKEND": "elsewhere.Layer"}}', "layer 'default': Cannot"),
        (
            'CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer",'
            ' "CONFIG": {"adress": "x"}}}',
            "did you mean 'address'?",
        ),
        (
            'CHANNEL_LAYERS = {"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer",'
            ' "CONFIG": {"address": "unix:/no/such/directory/groups.sock"}}}',
            "/no/such/directory",
        ),
        ('WEBSOCKET_ROUTE_MODULE = "missing.routing"', "channels_bridge.E005"),
        ('WEBSOCKET_ROUTE_MODULE = "urls"\nWEBSOCKET_MIDDLEWARE = ["urls.X"]', "E006"),
    ],
)
def test_settings(project, settings, words):
    """A setting that can't be used: what is wrong with it, and no traceback."""
    assert_refused(start(project(settings)), words)


@pytest.mark.parametrize(
    ("asgi", "words"),
    [
        ("import missing", "No module named 'missing' ("),
        ("x = 1 +", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero ("),
    ],
)
@pytest.mark.parametrize("setting", ["", 'WEBSOCKET_ROUTE_MODULE = "asgi"\ndel ASGI_APPLICATION'])
def test_code_that_cannot_be_imported(project, asgi, words, setting):
    """A mistake in the project's own code is named with its place."""
    result = start(project(setting, asgi))
    assert_refused(result, words)
    assert "asgi.py" in result.stderr


@needs_root
def test_hub_of_another_user(project, socket_dir):
    """A directory for the hub's socket that somebody else made first."""
    layer = {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}
    directory = project(
        f"CHANNEL_LAYERS = {{'default': {layer!r}}}\nWEBSOCKET_RUNTIME_DIR = {str(socket_dir)!r}"
    )
    private = socket_dir / f"channels_bridge-0-{digest_of(str(socket_dir))}"
    private.mkdir(0o700)
    os.chown(private, UNPRIVILEGED, UNPRIVILEGED)
    assert_refused(start(directory), f"{private} is owned by another user")
