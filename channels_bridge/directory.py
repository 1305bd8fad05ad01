"""Where the processes of a project find each other: a directory that only its user can enter."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from django.conf import ENVIRONMENT_VARIABLE, settings


def private_directory() -> Path:
    """Return the directory of the project whose settings are in use; make it if need be.

    Raises:
        ValueError: it can't be had, or isn't private. The message names it, and says why.
    """
    # Settings that are overridden, as tests do, do not know their module.
    module = getattr(settings, "SETTINGS_MODULE", None) or os.environ.get(ENVIRONMENT_VARIABLE, "")
    source = getattr(sys.modules.get(module), "__file__", None)
    place = Path(source).resolve().parent if source else Path.cwd()
    digest = hashlib.sha256(f"{module}\0{place}".encode()).hexdigest()[:12]
    directory = Path(tempfile.gettempdir(), f"channels_bridge-{os.getuid()}-{digest}")
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        _require_private(directory)
    except OSError as error:
        raise ValueError(f"{directory} can't be made ({error.strerror})") from None
    return directory


def _require_private(directory: Path) -> None:
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ValueError(f"{directory} isn't a directory: remove it")
    if found.st_uid != os.getuid():
        raise ValueError(f"{directory} is owned by another user (uid {found.st_uid})")
    if found.st_mode & 0o077:
        raise ValueError(f"{directory} can be entered by other users: chmod it to 0700")
