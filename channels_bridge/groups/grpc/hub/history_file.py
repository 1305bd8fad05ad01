"""The history file: a hub's journal on disk, for the hub after it.

One write for all that a batch has brought, before anybody is told of it: so whatever a process has
seen is found by the next hub, however this one ends. There is no fsync: a power cut may take the
last moments, and positions in them are unknown then.

It is made with the first message that is kept, and belongs to whoever holds its lock. How old it
looks says for how long there has been no hub: about, and however little was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from channels_bridge.common.unix_sockets import Freshness
from channels_bridge.groups.grpc.hub.owned_file import (
    is_at,
    make,
    open_existing,
    require_own_or_none,
    write,
)
from channels_bridge.groups.grpc.hub.sequencer import Journal, NoJournal, make_chronicle
from channels_bridge.groups.history.chronicle import Chronicle
from channels_bridge.groups.history.journal_records import (
    Moment,
    Record,
    Started,
    encode,
    read_all,
)

logger = logging.getLogger("channels_bridge.groups")

#: It is written anew once it has so many times what is kept, about, and at least so many bytes more
#: than after the last time.
SLACK = 2
MIN_SIZE = 2**20

#: So many records are taken at a time when it is written anew, between which the loop goes on.
PIECE = 1000

#: What may be left to write at once when the new file takes the place of the old one, in bytes.
LAST_PIECE = 256 * 1024

#: How often to try again what failed, in seconds.
RETRY = 5.0


class Kept(NamedTuple):
    """What a hub keeps, and where it writes that down."""

    chronicle: Chronicle
    journal: Journal


@contextlib.contextmanager
def keeping(path: Path | None, max_bytes: float) -> Iterator[Kept]:
    """Keep history until the end of the block, and begin with what the hub before has left.

    Args:
        path: of the file; None for memory only.
        max_bytes: what it may take in memory.
    """
    chronicle = make_chronicle(max_bytes)
    if path is None:
        yield Kept(chronicle, NoJournal())
        return
    file = HistoryFile(path, chronicle)
    file.open()
    try:
        yield Kept(chronicle, file)
    finally:
        file.close()


class HistoryFile(Journal):
    """Writes down what a chronicle notes.

    Where that fails, the file is withdrawn, since a hub that believed it would know less than it
    thinks: history goes on in memory, and is written again once that can be done. A file that isn't
    this hub's is left alone.

    Args:
        path: of the file.
        chronicle: what it is about.
    """

    size = 0

    def __init__(self, path: Path, chronicle: Chronicle) -> None:
        self._path = path
        self._new_path = Path(f"{path}.new")
        self._chronicle = chronicle
        self._file: int | None = None
        self._notes: list[bytes] = []  # which are written together
        self._is_due = False  # whether they are worth a file
        self._tail: list[bytes] | None = None  # what was noted while the file is written anew
        self._trouble: str | None = None
        self._is_told = False  # whether the log has it
        self._tried = 0.0
        self._enough = 0  # the size up to which it isn't written anew
        self._freshness = Freshness()

    @property
    def is_on_disk(self) -> bool:
        """Whether what is kept survives this hub."""
        return self._trouble is None

    def open(self) -> None:
        """Let the chronicle go on where the hub before has ended."""
        moment = present_moment()
        try:
            self._file = open_existing(self._path)
            if self._file is not None:
                self._remove_new()  # of a hub that was killed meanwhile
                self._restore(self._file, moment)
                os.utime(self._file)
        except OSError as error:
            self._give_up(error)
        self._chronicle.begin(moment, self._note)

    def commit(self) -> None:
        """Write what was noted."""
        if not self._is_due:
            return
        self._is_due = False
        data = b"".join(self._notes)
        self._notes.clear()
        if self._tail is not None:
            self._tail.append(data)
        if self._trouble is not None:
            return
        try:
            if self._file is None:
                self._file = make(self._path)
            write(self._file, data)
            self.size += len(data)
        except OSError as error:
            self._withdraw()
            self._give_up(error)

    async def look_after(self) -> None:
        """Write the file anew where it is too long, was removed or couldn't be written.

        To be called now and then, and to be waited for: a thread may be writing meanwhile.
        """
        if self._trouble is not None:
            if time.monotonic() - self._tried >= RETRY:
                await self._rewrite()
        elif self._file is not None and not is_at(self._path, self._file):
            logger.warning("%s was removed or replaced; it is made again", self._path)
            self._trouble = "it was removed"
            self._let_go()
            await self._rewrite()
        elif self.size > max(SLACK * max(self._chronicle.journal_size(), MIN_SIZE), self._enough):
            await self._rewrite()
        elif self._file is not None:
            self._freshness.touch(self._path)

    def close(self) -> None:
        """Leave the file to the next hub; none where nothing is kept."""
        self.commit()
        if self._file is not None and not self._chronicle.figures().logs:
            self._withdraw()
        self._let_go()

    # Reading.

    def _restore(self, file: int, moment: Moment) -> None:
        with open(file, "rb", closefd=False) as reader:
            contents = read_all(reader.read())
        if contents.trouble is not None:
            logger.warning(
                "%s is read up to byte %d, where there is %s; what follows is left out",
                self._path,
                contents.good_length,
                contents.trouble,
            )
            os.ftruncate(file, contents.good_length)
        self.size = contents.good_length
        self._chronicle.restore(contents.records, moment)

    # Writing.

    def _note(self, record: Record) -> None:
        if self._trouble is not None and self._tail is None:
            return
        self._notes.append(encode(record))
        self._is_due = self._is_due or not isinstance(record, Started)

    async def _rewrite(self) -> None:
        self._tried = time.monotonic()
        self.commit()
        self._tail = []
        try:
            new = self._begin_new()
            try:
                await self._fill(new)
                self._replace(new)
            except BaseException:
                os.close(new)
                raise
        except OSError as error:
            self._remove_new()
            if self._file is None:
                self._give_up(error)
        finally:
            self._tail = None
            # Also where what is kept takes more than it seems, or a second file has no room.
            self._enough = self.size + MIN_SIZE

    def _begin_new(self) -> int:
        if self._file is None:
            require_own_or_none(self._path)
        self._remove_new()
        return make(self._new_path)

    async def _fill(self, new: int) -> None:
        records = self._chronicle.snapshot(present_moment())
        while piece := list(islice(records, PIECE)):
            await asyncio.to_thread(_write_records, new, piece)
        while sum(map(len, self._tail or ())) > LAST_PIECE:
            await asyncio.to_thread(write, new, self._take_tail())

    def _replace(self, new: int) -> None:
        self.commit()
        write(new, self._take_tail())
        self._new_path.replace(self._path)
        self._let_go()
        self._file, self.size = new, os.fstat(new).st_size
        if self._trouble is not None:
            logger.warning("history is kept in %s again", self._path)
            self._trouble = None
            self._is_told = False

    def _remove_new(self) -> None:
        with contextlib.suppress(OSError):  # there is none, or `make` says what is wrong
            self._new_path.unlink()

    def _take_tail(self) -> bytes:
        assert self._tail is not None
        data = b"".join(self._tail)
        self._tail.clear()
        return data

    # Trouble.

    def _give_up(self, error: OSError) -> None:
        self._let_go()
        trouble = error.strerror or str(error)
        if not self._is_told:
            self._is_told = True
            logger.error(
                "history is kept in memory only, and lost with the groups hub, as %s can't be "
                "used: %s",
                self._path,
                trouble,
            )
        self._trouble = trouble
        self._tried = time.monotonic()
        self._notes.clear()

    def _withdraw(self) -> None:
        """Remove the file; that takes no room on the disk."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, 0)
        if is_at(self._path, self._file):
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file = None
        self.size = 0


def present_moment() -> Moment:
    """Return this moment, by all clocks."""
    return Moment(time.monotonic(), time.time(), _boot())


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _write_records(file: int, records: list[Record]) -> None:
    write(file, b"".join(map(encode, records)))
