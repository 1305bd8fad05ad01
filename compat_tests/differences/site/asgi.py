"""Serves each scenario's application under its name, and notes what it was given and how it ended.

Nothing but the call is wrapped: `receive` and `send` stay the server's own, on which our run loop
depends.
"""

import asyncio
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compat_tests.differences.site.settings")
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402

from compat_tests.differences import recording  # noqa: E402
from compat_tests.differences.recording import BEGINNING, kind, note  # noqa: E402
from compat_tests.differences.scenarios import BY_NAME  # noqa: E402


async def application_of_scenario(scope, receive, send):
    name = find_scenario(scope)
    recording.scenario.set(name)
    note(BEGINNING, None)
    try:
        await BY_NAME[name].application(scope, receive, send)
    except asyncio.CancelledError:
        note("end", "cancelled")
        raise
    except Exception as error:
        note("end", kind(error))
        error.scenario = name  # for the log records of servers that tell of it later
        raise
    note("end", "returned")


def find_scenario(scope):
    return next((part for part in scope["path"].split("/") if part in BY_NAME), None)


async def http(scope, receive, send):
    served = application_of_scenario if find_scenario(scope) else pages
    await served(scope, receive, send)


application = ProtocolTypeRouter({"http": http, "websocket": application_of_scenario})
