"""The system checks: one test for each id, and one that `manage.py check` runs them."""

from __future__ import annotations

import pytest
from django.core import checks
from django.core.management import call_command, get_commands
from django.core.management.base import SystemCheckError
from django.test import override_settings

from channels_bridge.checks import check_settings
from channels_bridge.server import extras

GRPC = "channels_bridge.layers.GrpcChannelLayer"


@pytest.fixture(autouse=True)
def served(settings):
    settings.ASGI_APPLICATION = "mysite.asgi.application"


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
    """E001: there is neither an ASGI application nor a route module."""
    settings.ASGI_APPLICATION = None
    assert "Set ASGI_APPLICATION" in found()["channels_bridge.E001"]


@override_settings(CHANNEL_LAYERS={"default": {}})
def test_layer_without_backend():
    """E002: a layer has no BACKEND."""
    assert 'Write "BACKEND"' in found()["channels_bridge.E002"]


def test_backend_that_cannot_be_imported():
    """E003: a BACKEND is misspelt."""
    with layers("channels_bridge.layers.GRPCChannelLayer"):
        assert f"Did you mean {GRPC}?" in found()["channels_bridge.E003"]


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


@override_settings(WEBSOCKET_TRANSPORT_BACKENDS={"default": {"BACKEND": GRPC, "CONFIG": {"x": 1}}})
def test_transport_backends_are_checked_as_layers_are():
    """The native name of the layers' setting is checked alike."""
    assert "WEBSOCKET_TRANSPORT_BACKENDS['default']" in found()["channels_bridge.E004"]


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
    ["WEBSOCKET_PROTOCOL", "WEBSOCKET_URL", "WEBSOCKET_MAX_SIZE", "WEBSOCKET_ROUTES", "ASGI_THREADS"],
)
def test_settings_of_others(name):
    """A setting that has but the beginning in common with ours belongs to the project."""
    with override_settings(**{name: "x"}):
        assert found() == {}


def test_http_extra_missing(monkeypatch):
    """W002: HTTP can't be served; the hint says what to install."""
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert "pip install uvicorn httptools" in found()["channels_bridge.W002"]


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
        ([STATIC], [], f"{STATIC} brings, which takes no WebSockets"),
        (["daphne"], [STATIC], "daphne brings, which starts no hub"),
        ([STATIC, "daphne"], [], f"{STATIC} brings"),
    ],
)
def test_runserver_is_not_ours(own_checks, settings, before, after, words):
    """W003: an application before ours brings the runserver that Django takes."""
    apps = [*before, *settings.INSTALLED_APPS, *after]
    with layers(GRPC), override_settings(INSTALLED_APPS=apps):
        first = before[0] if before else "channels_bridge"
        assert get_commands()["runserver"] == first
        message = found().get("channels_bridge.W003")
    assert words in message if words else message is None


def test_runserver_of_daphne(own_checks, settings):
    """Daphne's runserver will do where no layer needs a hub."""
    with (
        layers("channels.layers.InMemoryChannelLayer"),
        override_settings(INSTALLED_APPS=["daphne", *settings.INSTALLED_APPS]),
    ):
        assert found() == {}


def test_manage_py_check_runs_them():
    """`manage.py check` runs these checks where the package is in INSTALLED_APPS."""
    assert check_settings in checks.registry.registry.get_checks()
    with layers(GRPC, adress="x"), pytest.raises(SystemCheckError, match="channels_bridge.E004"):
        call_command("check")
