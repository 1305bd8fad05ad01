"""The system checks: one test for each id, and one that ``manage.py check`` runs them."""

from __future__ import annotations

import sys

import pytest
from django.core import checks
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError, SystemCheckError
from django.test import override_settings

from channels_bridge.checks import check_settings
from channels_bridge.project.advice import group_advice, startup_advice
from channels_bridge.project.advice.deployment_checks import check_deployment
from channels_bridge.project.advice.installed import check_installed
from channels_bridge.project.asgi_application import get_application
from channels_bridge.server import optional_packages
from channels_bridge.server.errors import StartupError

GRPC = "channels_bridge.layers.GrpcChannelLayer"
NATS = "channels_bridge.layers.NatsChannelLayer"


@pytest.fixture(autouse=True)
def served(settings):
    settings.ASGI_APPLICATION = "mysite.asgi.application"
    settings.WEBSOCKET_TRANSPORT_BACKENDS = {}


def found():
    return {message.id: f"{message.msg} {message.hint or ''}" for message in check_settings(None)}


def layers(backend, **config):
    return override_settings(CHANNEL_LAYERS={"default": {"BACKEND": backend, "CONFIG": config}})


def test_nothing_to_say():
    """A project that is set up right hears nothing."""
    with layers(GRPC, address="unix:/tmp/groups.sock", capacity=500):
        assert found() == {}


def test_foreign_layers_are_left_alone():
    """Another package's layer and its CONFIG are its own business."""
    with layers("channels.layers.InMemoryChannelLayer", anything=1):
        assert found() == {}


def test_nothing_to_serve(settings):
    """A project that serves nothing, as test suites may, is told so by commands that serve only."""
    settings.ASGI_APPLICATION = None
    assert found() == {}
    with pytest.raises(CommandError, match="neither ASGI_APPLICATION nor"):
        call_command("websockets_server")
    with pytest.raises(StartupError, match="neither ASGI_APPLICATION nor"):  # runserver's
        get_application()


@pytest.mark.parametrize("path", ["mysite.asgi:application", "asgi:application"])
def test_application_with_a_colon(path):
    """E015: the application's path is written as for uvicorn."""
    with override_settings(ASGI_APPLICATION=path):
        words = f"a dot in place of the colon, as in '{path.replace(':', '.')}'"
        assert words in found()["channels_bridge.E015"]
        with pytest.raises(StartupError, match="a dot in place of the colon"):
            get_application()


ONE_LAYER = '{"default": {"BACKEND": "channels_bridge.layers.GrpcChannelLayer"}}'


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"BACKEND": GRPC}, f"['BACKEND'] is where an alias has to be: write {ONE_LAYER}"),
        ({"CONFIG": {"capacity": 5}}, f"['CONFIG'] is where an alias has to be: write {ONE_LAYER}"),
        ([{"BACKEND": GRPC}], f" is of type list: write a dictionary, {ONE_LAYER}"),
        ({"default": GRPC}, f"['default'] is of type str: write a dictionary, as in {ONE_LAYER}"),
        ({"default": {"BACKEND": GRPC, "CONFIG": None}}, "a CONFIG of type NoneType: write a dict"),
        ({"default": {"BACKEND": GRPC, "CONFIG": ["x"]}}, "a CONFIG of type list: write a dict"),
    ],
)
@pytest.mark.parametrize("name", ["CHANNEL_LAYERS", "WEBSOCKET_TRANSPORT_BACKENDS"])
def test_malformed_layers(settings, name, setting, words):
    """E016: layers, or one of them, or its CONFIG, are no dictionary; other checks go on."""
    settings.CHANNEL_LAYERS = {}
    setattr(settings, name, setting)
    messages = found()
    assert words in messages.pop("channels_bridge.E016")
    assert messages == {}
    assert check_deployment(None) == check_installed(None) == []


def test_no_default_layer():
    """W017: the layer that is used where none is named has another name."""
    with override_settings(CHANNEL_LAYERS={"main": {"BACKEND": GRPC}}):
        assert "there is 'main'. Name one \"default\"" in found()["channels_bridge.W017"]
        transport = {"default": {"BACKEND": GRPC, "CONFIG": {"prefix": "x"}}}
        with override_settings(WEBSOCKET_TRANSPORT_BACKENDS=transport):
            assert found() == {}


@override_settings(CHANNEL_LAYERS={"default": {}})
def test_layer_without_backend():
    """E002: a layer has no BACKEND."""
    assert 'Write "BACKEND"' in found()["channels_bridge.E002"]


@pytest.mark.parametrize("name", ["channels_bridge.layers.GRPCChannelLayer", GRPC[1:]])
def test_backend_that_cannot_be_imported(name):
    """E003: a BACKEND is misspelt."""
    with layers(name):
        assert f"Did you mean {GRPC}?" in found()["channels_bridge.E003"]


def test_foreign_backend_that_cannot_be_imported():
    """W004: another package is not there, which stops no command that doesn't use it."""
    with layers("elsewhere_redis.core.RedisChannelLayer"):
        (message,) = check_settings(None)
    assert (message.id, message.level) == ("channels_bridge.W004", checks.WARNING)
    assert "No module named 'elsewhere_redis'" in message.msg


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"adress": "unix:/tmp/a.sock"}, "did you mean 'address'?"),
        ({"address": "tmp/a.sock"}, "write unix:/path or host:port"),
        ({"address": "unix:/" + "x" * 200}, "at most"),
        ({"address": "192.0.2.1:5000"}, "a process needs a 'token'"),
        ({"address": "192.0.2.1:5000", "token": "x"}, "at least 32 characters"),
        ({"address": "192.0.2.1:5000", "token_file": "/no/such"}, "'token_file' can't be read"),
        ({"address": "192.0.2.1:5000", "client_key_file": "/x"}, "must be set together"),
        ({"address": "unix:/tmp/a.sock", "token": "x" * 32}, "'token' is for TCP"),
        ({"capacity": 0}, "whole number above 0"),
        ({"expiry": "60"}, "number of seconds above 0"),
    ],
)
def test_config_of_a_layer(config, words):
    """E004: a CONFIG key is unknown or its value can't be used."""
    with layers(GRPC, **config):
        assert words in found()["channels_bridge.E004"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("compat_tests.nowhere.describe", "cannot be imported: No module named"),
        ("compat_tests.test_checks.GRPC", "is no function"),
    ],
)
def test_describe_of_presence(path, words):
    """E012: what says who a connection is can't be called."""
    with layers(GRPC, presence={"chat.*": {"describe": path}}):
        assert words in found()["channels_bridge.E012"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"hosts": ["n1"]}, "write 'servers'"),
        ({"servers": "nats://me:secret@n1"}, "`password_file`"),
        ({"servers": "n1"}, "write tls://n1:4222"),
        ({"servers": "tls://n1", "creds_file": "/no/such"}, "'creds_file' can't be read"),
    ],
)
def test_config_of_a_layer_over_nats(config, words):
    """E004 is for the layer over NATS as well."""
    with layers(NATS, **config):
        assert words in found()["channels_bridge.E004"]
    with layers(NATS, servers=["tls://n1", "tls://n2"]):
        assert found() == {}


@override_settings(WEBSOCKET_TRANSPORT_BACKENDS={"default": {"BACKEND": GRPC, "CONFIG": {"x": 1}}})
def test_transport_backends_are_checked_as_layers_are():
    """The native name of the layers' setting is checked alike."""
    assert "WEBSOCKET_TRANSPORT_BACKENDS['default']" in found()["channels_bridge.E004"]


@pytest.mark.parametrize(
    ("first", "second", "shares"),
    [
        ({}, {}, True),
        ({"address": "unix:/run/a.sock"}, {"address": "unix:///run/a.sock"}, True),
        ({"prefix": "a"}, {"prefix": "a"}, True),
        ({"prefix": "a"}, {}, False),
        ({"address": "unix:/run/a.sock"}, {"address": "unix:/run/b.sock"}, False),
    ],
)
@pytest.mark.parametrize("other", ["CHANNEL_LAYERS", "WEBSOCKET_TRANSPORT_BACKENDS"])
def test_layers_that_share_groups(settings, first, second, shares, other):
    """W010: two aliases lead to the same groups."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": GRPC, "CONFIG": first}}
    getattr(settings, other).update({"other": {"BACKEND": GRPC, "CONFIG": second}})
    message = found().get("channels_bridge.W010", "")
    assert ("'other'" in message and "'default'" in message) == shares


@pytest.mark.parametrize(
    ("first", "second", "shares"),
    [
        ({}, {}, True),
        ({"servers": ["tls://n1", "tls://n2"]}, {"servers": "tls://n2:4222"}, True),
        ({"servers": "tls://n1"}, {"servers": "tls://n2"}, False),
        ({"prefix": "a"}, {}, False),
    ],
)
def test_layers_that_share_groups_over_nats(settings, first, second, shares):
    """W010 is for the layer over NATS as well; a server in common is enough."""
    backends = {"default": first, "other": second}
    settings.CHANNEL_LAYERS = {
        alias: {"BACKEND": NATS, "CONFIG": config} for alias, config in backends.items()
    }
    assert ("channels_bridge.W010" in found()) == shares


@override_settings(WEBSOCKET_RUNTIME_DIR="run")
def test_runtime_dir():
    """E010: the directory for sockets is no absolute path."""
    assert "WEBSOCKET_RUNTIME_DIR is 'run': write" in found()["channels_bridge.E010"]


@override_settings(WEBSOCKET_ROUTE_MODULE="compat_tests.no_such_routing")
def test_route_module():
    """E005: the route module can't be found."""
    assert "urlpatterns" in found()["channels_bridge.E005"]


@override_settings(WEBSOCKET_MIDDLEWARE=["channels_bridge.middlewares.auth.AuthMidleware"])
def test_middleware():
    """E006: a middleware is misspelt."""
    assert "auth.AuthMiddleware?" in found()["channels_bridge.E006"]


@pytest.mark.parametrize("threads", [0, -1, "4", 2.5, True])
def test_sync_threads(threads):
    """E007: a number of threads that is none."""
    with override_settings(WEBSOCKET_SYNC_THREADS=threads):
        assert "whole number above 0" in found()["channels_bridge.E007"]


@pytest.mark.parametrize("shares", ["False", 0, None])
def test_shared_handlers(shares):
    """E013: neither True nor False: a text that says "False" would be true."""
    with override_settings(WEBSOCKET_SHARED_HANDLERS=shares):
        assert "Write False" in found()["channels_bridge.E013"]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (["workers"], """WEBSOCKETS_SERVER is ['workers']: write a dictionary"""),
        ({"worker": 4}, "'worker', which is not an option; did you mean 'workers'?"),
        ({"workers": "many"}, "'many' is not a whole number"),
    ],
)
def test_options_of_the_server(setting, words):
    """E014: an option in the settings that the server has not, or a value that it can't have."""
    with override_settings(WEBSOCKETS_SERVER=setting):
        assert words in found()["channels_bridge.E014"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("WEBSOCKET_MIDDLEWARES", "Did you mean WEBSOCKET_MIDDLEWARE?"),
        ("WEBSOCKETS_ROUTE_MODULE", "Did you mean WEBSOCKET_ROUTE_MODULE?"),
        ("CHANNEL_LAYER", "Did you mean CHANNEL_LAYERS?"),
        ("ASGI_APLICATION", "Did you mean ASGI_APPLICATION?"),
    ],
)
def test_misspelt_setting(name, hint):
    """W001: a setting is misspelt."""
    with override_settings(**{name: "x"}):
        message = found()["channels_bridge.W001"]
    assert name in message
    assert hint in message


@pytest.mark.parametrize(
    "name",
    ["WEBSOCKET_PROTOCOL", "WEBSOCKET_URL", "WEBSOCKET_SIZE", "WEBSOCKET_ROUTES", "ASGI_THREADS"],
)
def test_settings_of_others(name):
    """A setting that has but the beginning in common with ours belongs to the project."""
    with override_settings(**{name: "x"}):
        assert found() == {}


def test_http_extra_missing(monkeypatch):
    """That pages can't be served is said by a server that is to serve them, and by nobody else."""
    monkeypatch.setattr(optional_packages, "find_spec", lambda name: None)
    assert found() == {}
    assert list(startup_advice.about_pages(http=False)) == []
    (text,) = startup_advice.about_pages(http=True)
    assert "pip install 'uvicorn<0.55' httptools" in text


def test_uvicorn_is_too_new(monkeypatch):
    """A server with a release of uvicorn that its tests have not seen says so when it starts."""
    assert list(startup_advice.about_pages(http=True)) == []
    monkeypatch.setattr(optional_packages, "version", lambda name: "0.60.1")
    (text,) = startup_advice.about_pages(http=True)
    assert "uvicorn 0.60.1" in text
    assert text.endswith("pip install 'uvicorn<0.55'")
    assert list(startup_advice.about_pages(http=False)) == []


MEMORY = "channels.layers.InMemoryChannelLayer"
LOCAL = "channels_bridge.layers.LocalChannelLayer"


@pytest.mark.parametrize(("backend", "ends"), [(MEMORY, True), (LOCAL, True), (GRPC, False)])
def test_groups_of_one_process(backend, ends):
    """W006: groups end at the process; ``check --deploy`` says so, and a server with two
    workers.
    """
    with layers(backend):
        assert found() == {}
        deployed = [message.id for message in check_deployment(None)]
        assert deployed == (["channels_bridge.W006"] if ends else [])
        assert len(list(group_advice.about_groups(workers=2))) == ends
        assert list(group_advice.about_groups(workers=1)) == []
        assert ("within each worker" in group_advice.describe_groups()) == ends
    with layers(f"{backend}s"):
        assert check_deployment(None) == []  # that is for another check to say


@pytest.mark.parametrize(("pattern", "ids"), [("*", ["channels_bridge.W016"]), ("chat.*", [])])
def test_history_of_all_groups(pattern, ids):
    """W016: history is for groups that are named; ``check --deploy`` says so."""
    with layers(GRPC, history={pattern: {}}):
        assert found() == {}
        assert [message.id for message in check_deployment(None)] == ids


def test_what_groups_run_over():
    """A hub whose name is unknown is warned of, and the banner has where each layer's hub is."""
    with layers(GRPC, address="no-such-host.invalid:5000", token="x" * 32):
        text, _ = group_advice.about_groups(workers=1)
        assert "'no-such-host.invalid' is unknown" in text
        assert "correct `address`" in text
        assert group_advice.describe_groups().endswith(
            "no-such-host.invalid:5000, which is unknown here"
        )
    with layers(GRPC, address="192.0.2.1:5000", token="x" * 32):
        assert (
            group_advice.describe_groups() == "groups over gRPC at 192.0.2.1:5000, another machine"
        )
    with override_settings(CHANNEL_LAYERS={}):
        assert group_advice.describe_groups() == "no channel layer"


def test_what_groups_run_over_nats():
    """The banner has the nodes and the prefix; nodes whose names are unknown are warned of."""
    with layers(NATS, servers=["tls://192.0.2.1", "tls://192.0.2.2:443"], prefix="mysite"):
        assert list(group_advice.about_groups(workers=2)) == []
        assert (
            group_advice.describe_groups()
            == "groups over NATS at 192.0.2.1:4222, 192.0.2.2:443 (prefix mysite)"
        )
        assert "channels_bridge.W006" not in [message.id for message in check_deployment(None)]
    with layers(NATS, servers=["tls://no-such-host.invalid", "tls://192.0.2.1"]):
        (text,) = group_advice.about_groups(workers=1)
        assert "'no-such-host.invalid' is unknown" in text
        assert "correct `servers`" in text


@pytest.mark.parametrize(
    ("address", "instead"),
    [
        ("192.0.2.1:5000", '"servers": ["tls://192.0.2.1:4222"]'),
        ("127.0.0.1:5000", '"servers": ["nats://127.0.0.1:4222"]'),
        ("unix:/run/groups.sock", None),
    ],
)
def test_hub_on_tcp(address, instead):
    """W011: a hub on TCP is deprecated; ``check --deploy`` and each start say what to write."""
    token = {"token": "x" * 32} if instead else {}
    with layers(GRPC, address=address, **token):
        assert found() == {}
        deployed = {message.id: message.msg for message in check_deployment(None)}
        advice = list(group_advice.about_groups(workers=1))
        if instead is None:
            assert (deployed, advice) == ({}, [])
        else:
            (text,) = advice
            assert deployed == {"channels_bridge.W011": f"{text}."}
            assert f"a hub on TCP, as at {address}, is deprecated" in text
            assert '"BACKEND": "channels_bridge.layers.NatsChannelLayer"' in text
            assert instead in text


STATIC = "django.contrib.staticfiles"


@pytest.fixture
def own_checks(monkeypatch):
    """What applications register while a test installs them is gone after it."""
    registry = checks.registry.registry
    monkeypatch.setattr(registry, "registered_checks", registry.registered_checks.copy())


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([], [STATIC, "daphne"], None),
        ([STATIC], [], f"{STATIC} is used, which takes no WebSockets"),
        (["daphne"], [STATIC], "daphne is used, which starts no hub"),
        ([STATIC, "daphne"], [], f"{STATIC} is used"),
        (["compat_tests.wrapping"], [STATIC], None),
        (["compat_tests.wrapping", STATIC], [], "wrapping is used, which takes no WebSockets"),
        (["compat_tests.wrapping", "daphne", STATIC], [], "wrapping is used, which starts no hub"),
    ],
)
def test_runserver_is_not_ours(own_checks, settings, before, after, words):
    """W003: an application before ours brings the runserver that Django takes."""
    apps = [*before, *settings.INSTALLED_APPS, *after]
    sys.modules.pop("compat_tests.wrapping.management.commands.runserver", None)
    with layers(GRPC), override_settings(INSTALLED_APPS=apps):
        first = before[0] if before else "channels_bridge"
        assert get_commands()["runserver"] == first
        message = found().get("channels_bridge.W003")
    assert words in message if words else message is None


def test_runserver_was_never_for_websockets(own_checks, settings, monkeypatch):
    """Where Daphne is not installed, whose runserver another one could hide, nothing is lost
    unless there is an application to serve.
    """
    monkeypatch.setattr("channels_bridge.checks.find_spec", lambda name: None)
    with override_settings(INSTALLED_APPS=[STATIC, *settings.INSTALLED_APPS]):
        assert get_commands()["runserver"] == STATIC
        assert list(found()) == ["channels_bridge.W003"]
        with override_settings(ASGI_APPLICATION=None):
            assert found() == {}


def test_runserver_of_daphne(own_checks, settings):
    """Daphne's runserver will do where no layer needs a hub."""
    with (
        layers("channels.layers.InMemoryChannelLayer"),
        override_settings(INSTALLED_APPS=["daphne", *settings.INSTALLED_APPS]),
    ):
        assert found() == {}


def test_manage_py_check_runs_them():
    """``manage.py check`` runs these checks where the package is in INSTALLED_APPS."""
    assert check_settings in checks.registry.registry.get_checks()
    with layers(GRPC, adress="x"), pytest.raises(SystemCheckError, match="channels_bridge.E004"):
        call_command("check")
    with layers(LOCAL), pytest.raises(SystemCheckError, match="channels_bridge.W006"):
        call_command("check", deploy=True, fail_level="WARNING")
