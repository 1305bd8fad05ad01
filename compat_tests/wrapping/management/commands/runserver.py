"""The next application's ``runserver``, found as whitenoise's ``runserver_nostatic`` finds it."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps


def next_command():
    """The command that Django would run if this application had none."""
    names = [config.name for config in apps.get_app_configs()]
    for name in names[names.index("compat_tests.wrapping") + 1 :]:
        try:
            return import_module(f"{name}.management.commands.runserver").Command
        except ModuleNotFoundError:
            pass
    raise LookupError


class Command(next_command()):
    pass
