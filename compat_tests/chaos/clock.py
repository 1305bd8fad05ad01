"""A wall clock that can be set: of all that a server's processes run, whatever language it is in.

It is libfaketime's, which stands between them and the C library. Time that only passes
(``time.monotonic()``) stays as it is, as it does when somebody sets a machine's clock.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

#: Whether this machine has libfaketime.
AT_HAND = importlib.util.find_spec("libfaketime") is not None

OPTIONS = {
    "DONT_FAKE_MONOTONIC": "1",
    "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    "FAKETIME_DISABLE_SHM": "1",
    "NO_FAKE_STAT": "1",
    "FAKETIME_CACHE_DURATION": "1",  # seconds until processes see that it was set
}


class Clock:
    """The clock of one server.

    Args:
        path: of the file that says what time it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set(0)

    def environment(self) -> dict[str, str]:
        """What the server's processes need in theirs; nothing where there is no libfaketime."""
        if not AT_HAND:
            return {}
        from libfaketime import get_reload_information

        _, preload = get_reload_information()
        places = {name: value for name, value in preload.items() if name.startswith("LD_")}
        return {**places, **OPTIONS, "FAKETIME_TIMESTAMP_FILE": str(self._path)}

    def set(self, offset: int) -> None:
        """Let it be wrong by so many seconds; behind, if that is below zero."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(f"{offset:+d}s\n")
        os.replace(fresh, self._path)
