"""A small disk, which can be full. Having one takes a right that root has; else it is a folder."""

from __future__ import annotations

import contextlib
import errno
import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

OPTIONS = "size=16m,nr_inodes=200,mode=0700"


class Disk:
    """Where a server has its logs and its sockets.

    Args:
        path: of the folder.
        is_small: whether it is a disk of its own.
    """

    def __init__(self, path: Path, *, is_small: bool) -> None:
        self.path = path
        self.is_small = is_small

    def fill(self) -> None:
        """Leave no room for one more byte, nor for one more file."""
        assert self.is_small
        with _until_full(), self._filler(0).open("xb", buffering=0) as file:
            while True:
                file.write(bytes(2**16))
        with _until_full():
            for number in itertools.count(1):
                self._filler(number).touch()

    def free(self) -> None:
        """Give the room back."""
        for filler in self.path.glob("filler-*"):
            filler.unlink()

    def _filler(self, number: int) -> Path:
        return self.path / f"filler-{number}"


@contextlib.contextmanager
def _until_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


@contextlib.contextmanager
def mounted(path: Path) -> Iterator[Disk]:
    """Have a disk at ``path`` until the end of the block."""
    path.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", OPTIONS, "tmpfs", str(path)]
    is_small = subprocess.run(mount, stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield Disk(path, is_small=is_small)
    finally:
        if is_small:
            subprocess.run(["umount", "--lazy", str(path)], check=True)
