"""A worker's entry point: the module of the ASGI application, as under any ASGI server.

What that module prepares is there before Django is set up: settings classes, a database driver
under another's name, the patches of a monitoring agent. So nothing of Django is imported before it.
"""

from __future__ import annotations

import pickle
import traceback
from contextlib import AbstractAsyncContextManager
from importlib import import_module

from channels_bridge.server.asgi_types import Application
from channels_bridge.server.config import ServerConfig
from channels_bridge.server.errors import StartupError


def application(config: ServerConfig) -> AbstractAsyncContextManager[Application]:
    """Import the application, and set Django up; a worker's ``ServerConfig.application``.

    Raises:
        StartupError: there is no application that can be served.
    """
    if "." in config.asgi_application:
        import_first(config.asgi_application)
    # Not sooner: the application's module comes first.
    from django.conf import settings

    from channels_bridge.project import asgi_application

    if config.surroundings and not settings.configured:
        pickle.loads(config.surroundings).enter()
    return asgi_application.application(config)


def import_first(path: str) -> None:
    """Import the module of the application.

    One that needs Django and doesn't set it up is left to be imported again, once that is done:
    under ``runserver`` it has always worked.

    Raises:
        StartupError: it can't be imported.
    """
    try:
        import_module(path.rpartition(".")[0])
    except Exception as error:
        if not _needs_django(error):
            raise StartupError(f"{what_fails(path)}: {describe(error)}") from error


def _needs_django(error: BaseException | None) -> bool:
    from django.apps import apps
    from django.conf import settings
    from django.core.exceptions import AppRegistryNotReady

    if not settings.configured:
        return True
    while error is not None and not apps.ready:
        if isinstance(error, AppRegistryNotReady):
            return True
        error = error.__cause__ or error.__context__
    return False


def what_fails(path: str) -> str:
    """Begin the sentence about an application that can't be imported; ``describe()`` ends it."""
    return f"ASGI_APPLICATION is {path!r}, but importing {path.rpartition('.')[0]} fails"


def describe(error: Exception) -> str:
    """Describe an exception of the user's code in one line, with the place where it was raised."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = f"{type(error).__name__}: {error}"
    if place.filename.startswith("<frozen importlib"):
        # What is missing is the module that the setting names, or its package.
        return f"{text}; correct the setting" if isinstance(error, ModuleNotFoundError) else text
    return f"{text} ({place.filename}, line {place.lineno})"
