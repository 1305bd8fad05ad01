"""Writes a changed file as a whole, so that nobody ever sees one that is half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from channels_bridge.migrate.model.migration import Changed


def write(root: Path, changed: Changed) -> None:
    """Replace a file; its mode stays.

    Raises:
        OSError: it could not be written; it is as it was.
        ValueError: it is no longer as it was when it was read, and stays as it is.
    """
    place = root / changed.file.path
    if place.read_bytes() != changed.file.data:
        raise ValueError("it was changed while it was read; run the command again")
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(changed.data)
            os.fchmod(file.fileno(), place.stat().st_mode & 0o7777)
        os.replace(name, place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
