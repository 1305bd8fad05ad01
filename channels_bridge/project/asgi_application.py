"""The application that a worker serves: the project's own, as settings name it."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any, cast

import django
from channels.routing import ProtocolTypeRouter
from django.apps import apps
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.urls import Resolver404

from channels_bridge import conf, connections
from channels_bridge.groups import aclose_all
from channels_bridge.groups.home import home_loop
from channels_bridge.logs import configure_logging
from channels_bridge.project import autoreload, rejected_origins, route_hints
from channels_bridge.project.entry import describe, what_fails
from channels_bridge.resume.negotiation import Negotiation
from channels_bridge.runloop import consumer_loop
from channels_bridge.runloop.sync_threads import SyncThreads
from channels_bridge.server import current_worker
from channels_bridge.server.access_log import printable
from channels_bridge.server.asgi_types import Application, Receive, Send
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError

# Not a logger of this room's own: users filter by the four names that the guide lists.
logger = logging.getLogger("channels_bridge.server")


def application(config: ServerConfig) -> AbstractAsyncContextManager[Application]:
    """Set up Django, unless the application has, and import the application.

    Raises:
        StartupError: settings name no application that can be served.
    """
    if not apps.ready:
        django.setup()
    static = config.http and settings.DEBUG and apps.is_installed("django.contrib.staticfiles")
    configure_logging(config.access_log_format)
    expected = () if current_worker() else ("websocket", "http") if config.http else ("websocket",)
    served = get_application(static=static, expected=expected)
    # Again, as an import that sets Django up has configured logging in its own way.
    configure_logging(config.access_log_format)
    if config.reload:
        autoreload.watch()
    return open_application(served)


@contextlib.asynccontextmanager
async def open_application(served: Application) -> AsyncIterator[Application]:
    """Make the running loop the home of this process' groups, and run its consumers our way."""
    await aclose_all()  # a layer that was used while Django was set up begins anew, here
    home_loop.claim()
    await connections.obey()
    consumer_loop.install(shares_handlers=conf.shared_handlers())
    rejected_origins.install()
    if "channels.auth" in sys.modules:  # else the application asks for no users
        from channels_bridge.runloop import user_lookup

        user_lookup.install()
    served = Negotiation(NotFound(served))
    try:
        yield SyncThreads(served, conf.sync_threads()) if conf.sync_threads() > 1 else served
    finally:
        await aclose_all()


def get_application(
    *, static: bool = False, expected: Collection[str] = ("websocket", "http")
) -> Application:
    """Return the project's application, with native routes where it has them.

    Args:
        static: whether to serve static files, as ``runserver`` does.
        expected: what it is warned of if the application doesn't serve it. Of several processes
            one has to do that, and say what is wrong with routes; nothing is for the others.

    Raises:
        StartupError: there is none.
    """
    try:
        served = _get_native() if conf.route_module() else _import_application()
    except ImproperlyConfigured as error:
        raise StartupError(str(error)) from error
    for protocol in missing_protocols(served, expected):
        logger.warning("%s", MISSING[protocol])
    for text in route_hints.mistakes(served) if expected else ():
        logger.warning("%s", text)
    if static:
        from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

        served = ASGIStaticFilesHandler(served)
    return cast(Application, served)


def find_fault() -> str | None:
    """Import the application. Returns why it can't be served; what else there is to say is logged.

    Django has been set up.
    """
    configure_logging()
    try:
        get_application()
    except StartupError as error:
        return str(error)
    return None


def _get_native() -> Any:
    from channels_bridge.native import get_native_application

    http = _import_application() if conf.asgi_application() else get_asgi_application()
    others = getattr(http, "application_mapping", None) or {"http": http}
    with _explaining(f"WEBSOCKET_ROUTE_MODULE is {conf.route_module()!r}, but importing it fails"):
        return ProtocolTypeRouter({**others, "websocket": get_native_application()})


def _import_application() -> Any:
    path = conf.asgi_application()
    if not path:
        raise ImproperlyConfigured(conf.NOTHING_TO_SERVE)
    if wrong := conf.wrong_path():
        raise ImproperlyConfigured(wrong)
    if "." not in path:
        raise ImproperlyConfigured(
            f"ASGI_APPLICATION is {path!r}; name your application by its dotted path, such as "
            '"mysite.asgi.application".'
        )
    module_name, _, name = path.rpartition(".")
    with _explaining(what_fails(path)):
        module = import_module(module_name)
    if not hasattr(module, name):
        raise ImproperlyConfigured(
            f"ASGI_APPLICATION is {path!r}, but {module_name} has no {name!r}; define it there or "
            "correct the setting."
        )
    application = getattr(module, name)
    if not callable(application):
        raise ImproperlyConfigured(
            f"ASGI_APPLICATION is {path!r}, which is not an ASGI application but of type "
            f"{type(application).__name__}; name a callable such as a ProtocolTypeRouter."
        )
    if isinstance(application, WSGIHandler):
        raise ImproperlyConfigured(
            f"ASGI_APPLICATION is {path!r}, which is a WSGI application; name the one in asgi.py, "
            'such as "mysite.asgi.application".'
        )
    return application


@contextlib.contextmanager
def _explaining(what: str) -> Iterator[None]:
    """Turn whatever the user's code raises into one line: what failed, and how."""
    try:
        yield
    except ImproperlyConfigured:
        raise
    except Exception as error:
        raise ImproperlyConfigured(f"{what}: {describe(error)}") from error


#: What is said of an application that lacks something. It isn't an error: a project may have pages
#: only, or WebSockets only.
MISSING = {
    "websocket": "ASGI_APPLICATION takes no WebSockets, which are answered with 500: make it "
    'a ProtocolTypeRouter with a "websocket" entry',
    "http": 'ASGI_APPLICATION has no "http" entry, so pages are answered with 500: write '
    '"http": get_asgi_application() there, or start the server with --no-http',
}


def missing_protocols(application: Any, expected: Collection[str]) -> list[str]:
    """Return which of these an application doesn't serve, as far as that is known."""
    spoken = _protocols(application)
    return [] if spoken is None else [protocol for protocol in expected if protocol not in spoken]


def _protocols(application: Any) -> Collection[str] | None:
    """Return the protocols that an application serves; None where that is unknown."""
    if isinstance(application, ASGIHandler):
        return {"http"}
    if isinstance(application, ProtocolTypeRouter):
        return cast(Collection[str], application.application_mapping)
    return None


class NotFound:
    """Answers a handshake with 404 where Channels' routers find no route.

    Spec deviation: under Daphne and uvicorn the ``ValueError`` of ``URLRouter`` becomes a 500 with
    a traceback (channels#2147).
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self._router = route_hints.find_router(application)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.application(scope, receive, send)
            return
        try:
            await self.application(scope, receive, send)
        except (ValueError, Resolver404) as error:
            if not _is_no_route(error):
                raise
            self._log(scope["path"])
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            start = {"type": "websocket.http.response.start", "status": 404, "headers": headers}
            await send(start)
            await send({"type": "websocket.http.response.body", "body": b"Not Found\n"})

    def _log(self, path: str) -> None:
        meant = route_hints.path_meant(self._router, path)
        hint = f"; there is a route for {printable(meant)}" if meant is not None else ""
        logger.warning("Not Found: %s%s", printable(path), hint)


def _is_no_route(error: Exception) -> bool:
    """Whether a router raised the error, and not the code that it led to."""
    frames = list(traceback.walk_tb(error.__traceback__))
    raised_in = frames[-1][0].f_globals.get("__name__")
    return raised_in == "channels.routing" and "No route found" in str(error)
