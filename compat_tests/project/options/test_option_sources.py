"""Where the server's options come from, and what is said of those that can't be meant."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from websockets.sync.client import connect

from channels_bridge.management.commands.websockets_server import Command
from channels_bridge.project.options import config_from_options
from channels_bridge.project.options.config_from_options import make_config
from channels_bridge.project.options.option_sources import ServerOptions, settle
from channels_bridge.project.options.server_options import OPTIONS
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError
from compat_tests.servers import BRIDGE_READY, run_python, running

SITE = Path(__file__).parents[2] / "processes" / "site"


def read(line: str = "", setting: object = None, **environ: str) -> ServerOptions:
    """The options of a command line, an environment and a setting."""
    parser = Command().create_parser("manage.py", "websockets_server")
    given = vars(parser.parse_args(line.split()))
    return settle(given, environ, {} if setting is None else setting)


def test_defaults():
    """Without anything, all options are those of the table, which are the engine's own."""
    options = read()
    assert options.values == {name: option.default for name, option in OPTIONS.items()}
    assert (options.sources, options.describe()) == ({}, "")
    config = make_config(options)
    own = ServerConfig(application="")
    assert {name: getattr(config, name) for name in OPTIONS if hasattr(own, name)} == {
        name: getattr(own, name) for name in OPTIONS if hasattr(own, name)
    }


def test_what_counts_first():
    """The command line counts before the environment, that before the setting."""
    setting = {"workers": 2, "ping_interval": 2, "drain_seconds": 2.5}
    environ = {"WEBSOCKETS_SERVER_WORKERS": "3", "WEBSOCKETS_SERVER_PING_INTERVAL": "3"}
    options = read("-w 4", setting, **environ)
    assert options["workers"] == 4
    assert options["ping_interval"] == 3.0
    assert options["drain_seconds"] == 2.5
    assert options.describe() == (
        'drain_seconds 2.5 from WEBSOCKETS_SERVER["drain_seconds"] in the settings, '
        "ping_interval 3.0 from WEBSOCKETS_SERVER_PING_INTERVAL"
    )


@pytest.mark.parametrize(
    ("line", "setting", "environ", "binds"),
    [
        ("", {}, {"PORT": "8080"}, ["0.0.0.0:8080"]),
        ("", {}, {"PORT": ""}, None),
        ("-b :1", {}, {"PORT": "8080"}, [":1"]),
        ("", {"bind": ":2"}, {"PORT": "8080"}, ["0.0.0.0:8080"]),
        ("", {"bind": [":2", ":3"]}, {}, [":2", ":3"]),
        ("", {"bind": None}, {}, None),
        (
            "",
            {},
            {"PORT": "1", "WEBSOCKETS_SERVER_BIND": ":2, unix:/a b.sock"},
            [":2", "unix:/a b.sock"],
        ),
        ("", {"bind": ":2"}, {"PORT": "1", "LISTEN_FDS": "2"}, ["fd:3", "fd:4"]),
    ],
)
def test_addresses(line, setting, environ, binds):
    """PORT is a platform's wish; sockets that systemd passes come before it, as do addresses."""
    if "LISTEN_FDS" in environ:
        environ = {**environ, "LISTEN_PID": str(os.getpid())}
    assert read(line, setting, **environ)["bind"] == binds


@pytest.mark.parametrize(
    ("line", "environ", "expected"),
    [
        ("-b :1", {"PORT": "http"}, {"bind": [":1"]}),
        ("", {"WEBSOCKETS_SERVER_BIND": ":2", "PORT": "http"}, {"bind": [":2"]}),
        ("-w 4", {"WEB_CONCURRENCY": "auto"}, {"workers": 4}),
        ("", {"WEBSOCKETS_SERVER_WORKERS": "5", "WEB_CONCURRENCY": "auto"}, {"workers": 5}),
        ("-w 4", {"WEBSOCKETS_SERVER_WORKERS": "many"}, {"workers": 4}),
    ],
)
def test_variables_of_others(line, environ, expected):
    """A variable that doesn't count, as what counts before it is given, may have any value."""
    options = read(line, **environ)
    assert {name: options[name] for name in expected} == expected


def test_workers_of_a_platform():
    """WEB_CONCURRENCY is the number of workers, unless the option's own variable has it."""
    assert read(WEB_CONCURRENCY="3")["workers"] == 3
    assert read(WEB_CONCURRENCY="3", WEBSOCKETS_SERVER_WORKERS="5")["workers"] == 5
    assert read(WEB_CONCURRENCY="")["workers"] == 1
    assert make_config(read(WEB_CONCURRENCY="0")).workers >= 1


@pytest.mark.parametrize(
    ("cpu_max", "workers"),
    [
        ("150000 100000\n", 2),
        ("1000 100000\n", 1),
        ("6400000 100000\n", 8),
        ("max 100000\n", 8),
        ("", 8),
        (None, 8),
    ],
)
def test_one_worker_per_core(monkeypatch, tmp_path, cpu_max, workers):
    """A container with a limit of CPU time is not taken for the machine that it runs on."""
    limit = tmp_path / "cpu.max"
    if cpu_max is not None:
        limit.write_text(cpu_max)
    monkeypatch.setattr(config_from_options, "CPU_MAX", limit)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert make_config(read("-w 0")).workers == workers


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_has_a_variable(name):
    """Each option can be given in the environment, in the type that the command line gives it."""
    option = OPTIONS[name]
    if option.kind is bool:
        text, value = ("off", False) if option.default else ("Yes", True)
    else:
        text, value = "7", ["7"] if option.is_repeatable else option.kind("7")
    options = read(**{f"WEBSOCKETS_SERVER_{name.upper()}": text})
    assert (type(options[name]), options[name]) == (type(value), value)
    assert list(options.sources) == [name]


def test_values_in_python():
    """The setting has Python's types: whole numbers for seconds, paths, switches."""
    setting = {"ping_interval": 5, "ssl_certfile": Path("/a.pem"), "http": False, "workers": "4"}
    options = read(setting=setting)
    assert (options["ping_interval"], options["ssl_certfile"]) == (5.0, "/a.pem")
    assert (options["http"], options["workers"]) == (False, 4)


def test_secrets_are_not_shown():
    """What the banner says has no password in it."""
    options = read(WEBSOCKETS_SERVER_SSL_KEYFILE_PASSWORD="secret")
    assert options.describe() == "ssl_keyfile_password from WEBSOCKETS_SERVER_SSL_KEYFILE_PASSWORD"


@pytest.mark.parametrize(
    ("setting", "environ", "words"),
    [
        ({}, {"PORT": "80x"}, "PORT in the environment is '80x', which is not a port number"),
        ({}, {"PORT": "8" * 5000}, "which is not a port number: correct it, or give an address"),
        ({}, {"PORT": "70000"}, "PORT in the environment is '70000', which is not a port number"),
        (
            {},
            {"WEB_CONCURRENCY": "auto"},
            "WEB_CONCURRENCY in the environment: 'auto' is not a whole number, such as 4, or 0 for",
        ),
        ({}, {"WEB_CONCURRENCY": "-1"}, "WEB_CONCURRENCY: workers must be 0 (one per core) or"),
        ({}, {"WEBSOCKETS_SERVER_PING_TIMEOUT": "0"}, "WEBSOCKETS_SERVER_PING_TIMEOUT: ping_time"),
        ({}, {"WEBSOCKETS_SERVER_HTTP": "maybe"}, "'maybe' is neither yes nor no"),
        ({}, {"WEBSOCKETS_SERVER_BIND": "8000x"}, "WEBSOCKETS_SERVER_BIND: cannot listen on 8000x"),
        ({}, {"WEBSOCKETS_SERVER_ROOT_PATH": "a"}, "WEBSOCKETS_SERVER_ROOT_PATH: root path 'a'"),
        ({}, {"WEBSOCKETS_SERVER_FORWARDED_ALLOW_IPS": "x"}, "WEBSOCKETS_SERVER_FORWARDED_ALLOW"),
        ({}, {"WEBSOCKETS_SERVER_SSL_KEYFILE": "x"}, "WEBSOCKETS_SERVER_SSL_KEYFILE: --ssl-key"),
        (
            {},
            {"WEBSOCKETS_SERVER_WORKER": "2"},
            "WEBSOCKETS_SERVER_WORKER in the environment is not an option; "
            "did you mean WEBSOCKETS_SERVER_WORKERS?",
        ),
        ({}, {"WEBSOCKETS_SERVER_NO_HTTP": "1"}, "did you mean WEBSOCKETS_SERVER_HTTP?"),
        ({}, {"WEBSOCKETS_SERVER_workers": "1"}, "did you mean WEBSOCKETS_SERVER_WORKERS?"),
        ({}, {"WEBSOCKETS_SERVER_XYZZY": "1"}, "see websockets_server --help"),
        (
            {"workers": True},
            {},
            'WEBSOCKETS_SERVER["workers"] in the settings: True is not a whole',
        ),
        ({"workers": 1.5}, {}, "1.5 is not a whole number"),
        ({"ping_interval": "20s"}, {}, "'20s' is not a number, such as 20"),
        ({"bind": 8000}, {}, "8000 is not a text: write it in quotes"),
        ({"no_compression": True}, {}, "did you mean 'compression'?"),
        ({"max_requests_jitter": 5}, {}, "--max-requests-jitter needs --max-requests"),
        ({"workers_max_rss": -1}, {}, "workers_max_rss must be 0 or more, not -1"),
        ({7: 1}, {}, "WEBSOCKETS_SERVER has 7, which is not an option"),
        ({"drain_code": 1005}, {}, 'WEBSOCKETS_SERVER["drain_code"] in the settings: drain_code'),
    ],
)
def test_mistakes(setting, environ, words):
    """A mistake is answered with the place where it is, and what to write."""
    with pytest.raises(StartupError) as error:
        make_config(read("", setting, **environ))
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["WEBSOCKETS_SERVER", "WEBSOCKETS_SERVER_METRICS"])
def test_services_of_kubernetes(name):
    """Kubernetes tells containers of a Service by variables that look like options."""
    service = {
        f"{name}_SERVICE_HOST": "10.0.0.1",
        f"{name}_SERVICE_PORT": "8000",
        f"{name}_SERVICE_PORT_HTTP": "8000",
        f"{name}_PORT": "tcp://10.0.0.1:8000",
        f"{name}_PORT_8000_TCP_ADDR": "10.0.0.1",
    }
    assert read(**service).sources == {}
    with pytest.raises(StartupError, match=f"{name}_PORT in the environment"):
        read(**{f"{name}_PORT": "8000"})
    with pytest.raises(StartupError, match="WEBSOCKETS_SERVER_OTHER_PORT in the environment"):
        read(**service, WEBSOCKETS_SERVER_OTHER_PORT="8000")


def test_on_a_platform(socket_dir):
    """A server of a platform's variables alone: it listens, and its banner says from where."""
    env = {"PORT": "0", "WEB_CONCURRENCY": "2", "TMPDIR": str(socket_dir)}
    command = [sys.executable, "manage.py", "websockets_server"]
    with running(command, SITE, BRIDGE_READY, env=env) as server:
        assert server.address.startswith("0.0.0.0:")
        assert (
            "\nOptions: bind 0.0.0.0:0 from PORT, workers 2 from WEB_CONCURRENCY\n" in server.log()
        )
        with connect(f"ws://127.0.0.1:{server.port}", proxy=None) as websocket:
            assert websocket.ping().wait(10)


def test_an_address_of_another_machine(socket_dir):
    """Where an address can't be listened on, the error says where it was found."""
    env = {"WEBSOCKETS_SERVER_BIND": "203.0.113.1:80", "TMPDIR": str(socket_dir)}
    done = run_python(SITE, "manage.py", "websockets_server", env=env, code=1)
    assert done.stderr == (
        "CommandError: WEBSOCKETS_SERVER_BIND: cannot listen on 203.0.113.1:80: "
        "it is not an address of this machine; write one that it has, or :PORT for every "
        "interface\n"
    )


def test_help_stands_alone():
    """`--help` has the defaults, and where else options can be given."""
    text = " ".join(Command().create_parser("manage.py", "websockets_server").format_help().split())
    assert "Default: None" not in text and "%" not in text
    assert "with this time between two; 0 sends none. Default: 20." in text
    for option in OPTIONS.values():
        assert option.keywords["help"][0].isupper() and option.keywords["help"].endswith(".")
    assert "PORT=8000 in the environment is -b 0.0.0.0:8000" in text
