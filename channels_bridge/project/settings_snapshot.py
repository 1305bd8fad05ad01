"""A snapshot of the settings, as they are here and now, for another process."""

from __future__ import annotations

import contextlib
import os
import pickle
from typing import Any

import django
from django.conf import ENVIRONMENT_VARIABLE, global_settings, settings

_MISSING = object()


class Surroundings:
    """The settings as they are now, test databases and ``override_settings`` included; picklable.

    A setting that can't be pickled stays in the other process what its settings module makes it.
    ``DATABASES`` must be picklable: the process would write to the project's own database.
    """

    def __init__(self) -> None:
        self._databases = pickle.dumps(settings.DATABASES)
        self._settings: dict[str, bytes] = {}
        for name in filter(str.isupper, dir(settings)):
            with contextlib.suppress(Exception):  # pickle lets anything through
                self._settings[name] = pickle.dumps(getattr(settings, name))

    def enter(self) -> None:
        """Set Django up with them; for the beginning of a process."""
        known = settings if ENVIRONMENT_VARIABLE in os.environ else global_settings
        values = self._unpickled()
        other = {
            name: value for name, value in values.items() if getattr(known, name, _MISSING) != value
        }
        if known is global_settings:
            settings.configure(**other)
        for name, value in other.items():
            setattr(settings, name, value)
        django.setup()

    def _unpickled(self) -> dict[str, Any]:
        values = {}
        for name, pickled in self._settings.items():
            with contextlib.suppress(Exception):  # such as an import that needs the applications
                values[name] = pickle.loads(pickled)
        values["DATABASES"] = pickle.loads(self._databases)
        return values
