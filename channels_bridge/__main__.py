"""``python -m channels_bridge``: check that a project has what it takes to be served.

It helps where manage.py says "Unknown command: 'websockets_server'", as no other part of this
package runs there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.apps import apps
from django.conf import ENVIRONMENT_VARIABLE, settings

from channels_bridge import __version__, conf
from channels_bridge.project.advice.environment_sources import named_by_file
from channels_bridge.project.advice.installed import ADD, MISSING

MANAGE = Path("manage.py")


def main() -> str | None:
    """Check the project in this directory. Returns what is wrong; None if nothing is."""
    named = named_by_file(MANAGE, ENVIRONMENT_VARIABLE)
    if len(modules := named.defaults | named.forced) == 1:
        os.environ.setdefault(ENVIRONMENT_VARIABLE, *modules)
    if ENVIRONMENT_VARIABLE not in os.environ:
        return (
            f"channels_bridge {__version__} is an application for Django projects. Run this where "
            f"the project's manage.py is, or set {ENVIRONMENT_VARIABLE}"
        )
    module = os.environ[ENVIRONMENT_VARIABLE]
    try:
        django.setup()
    except Exception as error:  # the project's code may raise anything
        return f"{module}: django.setup() failed: {type(error).__name__}: {error}"
    if not apps.is_installed("channels_bridge"):
        return f"{module}: {MISSING}. {ADD}"
    if not conf.asgi_application() and not conf.route_module():
        return f"{module}: {conf.NOTHING_TO_SERVE}"
    print(
        f"channels_bridge {__version__} is installed in {settings.SETTINGS_MODULE}. "
        "Check it with python manage.py check, serve it with python manage.py websockets_server."
    )
    return None


if __name__ == "__main__":
    sys.exit(main())
