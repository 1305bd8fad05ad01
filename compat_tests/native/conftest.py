"""A native application for one test, with the routes that the test wants."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import LazySettings
from django.urls import URLPattern, path

from channels_bridge.native import get_native_application
from compat_tests.communicators import patient_communicators

__all__ = ["patient_communicators"]

ROUTES = "compat_tests.native.routes_of_one_test"


@pytest.fixture(autouse=True)
def keep_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the test's database connections open, as ``channels.testing`` does."""
    monkeypatch.setattr("channels.db.close_old_connections", lambda: None)


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> Callable[..., None]:
    """Make WEBSOCKET_ROUTE_MODULE a module with these urlpatterns."""

    def install(*urlpatterns: URLPattern) -> None:
        module = ModuleType(ROUTES)
        module.urlpatterns = list(urlpatterns)
        monkeypatch.setitem(sys.modules, ROUTES, module)
        settings.WEBSOCKET_ROUTE_MODULE = ROUTES

    return install


@pytest.fixture
def client(routes: Callable[..., None]) -> Callable[..., WebsocketCommunicator]:
    """Make a client of a consumer, which is served at /ws/."""

    def make(consumer, *, query="", headers=(), **initkwargs):
        routes(path("ws/", consumer.as_handler(**initkwargs)))
        return WebsocketCommunicator(get_native_application(), f"/ws/{query}", list(headers))

    return make
