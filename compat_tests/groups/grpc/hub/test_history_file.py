"""The hub's history file: what survives, what is withdrawn, and what is left alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from channels_bridge.common import unix_sockets
from channels_bridge.groups.grpc.hub import history_file
from channels_bridge.groups.grpc.hub.history_file import HistoryFile, keeping
from channels_bridge.groups.grpc.hub.sequencer import make_chronicle
from channels_bridge.groups.history.position import Bounds, Position
from compat_tests.chaos.disk import Disk, mounted

TOPIC = "g:room"
ALL = Bounds(1_000_000, 3600.0)


class Hub:
    """What a hub does with its file."""

    def __init__(self, path: Path) -> None:
        self.chronicle = make_chronicle()
        self.file = HistoryFile(path, self.chronicle)
        self.file.open()
        self._seq = 0

    def append(
        self, payload: bytes, topic: str = TOPIC, bounds: Bounds = ALL, sender: bytes = b"s"
    ) -> Position | None:
        """Number a message, as one batch."""
        self._seq += 1
        moment = history_file.present_moment().monotonic
        entry = self.chronicle.append(
            topic, sender, self._seq, payload, bounds, kept=True, now=moment
        )
        self.file.commit()
        return entry and entry.position

    def payloads(self, topic: str = TOPIC) -> list[bytes]:
        """What it keeps."""
        moment = history_file.present_moment().monotonic
        return [e.payload for e in self.chronicle.excerpt(topic, None, moment).entries]

    def kill(self) -> None:
        """End without another word."""
        self.file._let_go()


def look_after(hub: Hub) -> None:
    """What a hub does now and then."""
    asyncio.run(hub.file.look_after())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "groups.sock.history"


def test_goes_on(path: Path) -> None:
    """Killed after any message, the next hub has all of them, under their numbers."""
    positions = []
    for number in range(10):
        hub = Hub(path)
        hub._seq = number
        assert hub.payloads() == [b"%d" % n for n in range(number)]
        positions.append(hub.append(b"%d" % number))
        hub.kill()
    assert [position and position.offset for position in positions] == list(range(1, 11))
    assert len({position and position.epoch for position in positions}) == 10


def test_repeats_are_known(path: Path) -> None:
    """What a sender repeats to the next hub isn't numbered again."""
    hub = Hub(path)
    assert hub.append(b"1") is not None
    hub.kill()
    assert Hub(path).append(b"1") is None


def test_is_private_and_made_late(path: Path) -> None:
    """There is no file before a message is kept, and nobody else can read it."""
    hub = Hub(path)
    hub.file.commit()
    assert not path.exists()
    hub.append(b"1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert hub.file.is_on_disk
    assert hub.file.size == path.stat().st_size
    hub.file.close()
    path.chmod(0o644)
    Hub(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_kept_leaves_nothing(path: Path) -> None:
    """A hub that ends, and keeps nothing any more, leaves no file."""
    hub = Hub(path)
    hub.append(b"1")
    hub.chronicle.clear(lambda topic: True)
    hub.file.close()
    assert not path.exists()


@pytest.mark.parametrize("length", ["whole", "one byte", "all but one byte"])
def test_torn_tail(path: Path, caplog: pytest.LogCaptureFixture, length: str) -> None:
    """A record that was written in part is cut; what follows stands behind what is right."""
    hub = Hub(path)
    hub.append(b"1")
    before = path.stat().st_size
    hub.append(b"2")
    after = path.stat().st_size
    hub.kill()
    cut = {"whole": after, "one byte": before + 1, "all but one byte": after - 1}[length]
    os.truncate(path, cut)
    expected = [b"1", b"2"] if length == "whole" else [b"1"]
    with caplog.at_level(logging.WARNING):
        successor = Hub(path)
    assert successor.payloads() == expected
    assert ("is read up to byte" in caplog.text) == (length != "whole")
    successor._seq = 2
    successor.append(b"3")
    successor.kill()
    assert Hub(path).payloads() == [*expected, b"3"]


def test_flipped_bit(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Behind a byte that is wrong nothing is believed, and that is said once."""
    hub = Hub(path)
    sizes = []
    for number in range(5):
        hub.append(b"%d" % number)
        sizes.append(path.stat().st_size)
    hub.kill()
    data = bytearray(path.read_bytes())
    data[sizes[2] - 1] ^= 1  # in the third
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        successor = Hub(path)
    assert successor.payloads() == [b"0", b"1"]
    (record,) = caplog.records
    assert "checksum" in record.getMessage()
    assert path.stat().st_size == sizes[1]


def test_old_backup(path: Path) -> None:
    """Of a file from yesterday's backup, only what it has is known: no number means two things."""
    hub = Hub(path)
    hub.append(b"1")
    backup = path.read_bytes()
    later = hub.append(b"2")
    hub.kill()
    path.write_bytes(backup)
    successor = Hub(path)
    successor._seq = 1
    forked = successor.append(b"another 2", sender=b"t")
    assert later is not None and forked is not None
    assert later.offset == forked.offset == 2
    moment = history_file.present_moment().monotonic
    assert successor.chronicle.excerpt(TOPIC, later, moment).is_whole
    assert not successor.chronicle.excerpt(TOPIC, forked, moment).is_whole


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that can be full."""
    with mounted(tmp_path / "disk") as disk:
        if not disk.is_small:
            pytest.skip("this user can't mount a disk")
        yield disk


def test_disk_full(
    disk: Disk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be written the file goes, and history doesn't; it comes back with all."""
    monkeypatch.setattr(history_file, "RETRY", 0)
    path = disk.path / "history"
    hub = Hub(path)
    hub.append(b"1")
    disk.fill()
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            hub.append(bytes(10_000))
            look_after(hub)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "history is kept in memory only" in caplog.text
    assert "No space left on device" in caplog.text
    assert not hub.file.is_on_disk
    assert hub.file.size == 0
    assert not path.exists()
    assert len(hub.payloads()) == 4
    disk.free()
    look_after(hub)
    assert hub.file.is_on_disk
    hub.append(b"5")
    hub.kill()
    assert len(Hub(path).payloads()) == 5


def test_removed(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that somebody has removed is made again, with all that is kept."""
    hub = Hub(path)
    hub.append(b"1")
    path.unlink()
    hub.append(b"2")
    look_after(hub)
    assert "was removed or replaced; it is made again" in caplog.text
    hub.append(b"3")
    hub.kill()
    assert Hub(path).payloads() == [b"1", b"2", b"3"]


def test_looks_new_while_it_is_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How old it looks says when a hub had it last, however little was sent."""
    monkeypatch.setattr(unix_sockets, "TOUCH_INTERVAL", 0.0)
    hub = Hub(path)
    look_after(hub)  # there is none yet
    hub.append(b"1")
    os.utime(path, (0, 0))
    look_after(hub)
    assert path.stat().st_mtime > 0
    hub.kill()
    os.utime(path, (0, 0))
    assert Hub(path).payloads() == [b"1"]
    assert path.stat().st_mtime > 0


def test_directory_is_removed(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be made again, that is said, and history goes on in memory."""
    monkeypatch.setattr(history_file, "RETRY", 0)
    directory = path.parent / "run"
    directory.mkdir(mode=0o700)
    hub = Hub(directory / "history")
    hub.append(b"1")
    shutil.rmtree(directory)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            look_after(hub)
    assert [record.levelname for record in caplog.records if record.levelno > 30] == ["ERROR"]
    assert "history is kept in memory only" in caplog.text
    hub.append(b"2")
    directory.mkdir(mode=0o700)
    look_after(hub)
    hub.kill()
    assert Hub(directory / "history").payloads() == [b"1", b"2"]


def other_user(path: Path) -> None:
    if os.getuid():
        pytest.skip("only root can give a file away")
    path.write_bytes(b"theirs")
    os.chown(path, 12345, -1)


def link(path: Path) -> None:
    target = path.with_name("target")
    target.write_bytes(b"theirs")
    path.symlink_to(target)


def directory(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def locked(path: Path) -> None:
    hub = Hub(path)
    hub.append(b"theirs")
    OTHERS.append(hub)


OTHERS: list[Hub] = []  # which have their files open


@pytest.mark.parametrize("obstacle", [other_user, link, directory, pipe, locked])
def test_not_ours(
    path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    obstacle: Callable[[Path], None],
) -> None:
    """What isn't this hub's is neither read nor written over; it goes on in memory, and says so."""
    monkeypatch.setattr(history_file, "RETRY", 0)
    obstacle(path)
    before = path.lstat()
    with caplog.at_level(logging.ERROR):
        hub = Hub(path)
        for number in range(3):
            hub.append(b"%d" % number)
            look_after(hub)
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert hub.payloads() == [b"0", b"1", b"2"]
    after = path.lstat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    hub.file.close()
    assert path.lstat().st_ino == before.st_ino
    while OTHERS:
        OTHERS.pop().kill()


def test_obstacle_goes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once what was in the way is gone, all that is kept is written."""
    monkeypatch.setattr(history_file, "RETRY", 0)
    path.mkdir()
    hub = Hub(path)
    hub.append(b"1")
    path.rmdir()
    look_after(hub)
    hub.append(b"2")
    hub.kill()
    assert Hub(path).payloads() == [b"1", b"2"]


async def append_meanwhile(hub: Hub, number: int) -> int:
    """Append for as long as the hub looks after its file."""
    looking = asyncio.create_task(hub.file.look_after())
    while not looking.done():
        hub.append(b"%d" % number, f"g:{number % 3}", Bounds(20, 3600))
        number += 1
        await asyncio.sleep(0)
    await looking
    return number


def test_written_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with much that isn't kept any more is written anew, while messages come."""
    monkeypatch.setattr(history_file, "MIN_SIZE", 0)
    monkeypatch.setattr(history_file, "PIECE", 7)
    monkeypatch.setattr(history_file, "LAST_PIECE", 100)
    hub = Hub(path)
    for number in range(300):
        hub.append(b"%d" % number, f"g:{number % 3}", Bounds(20, 3600))
    before = path.stat().st_size
    number = asyncio.run(append_meanwhile(hub, 300))
    assert number > 310
    assert path.stat().st_size < before / 2 + 200 * (number - 300)
    assert not path.with_name(f"{path.name}.new").exists()
    expected = {topic: hub.payloads(topic) for topic in ("g:0", "g:1", "g:2")}
    hub.append(b"last", "g:0")
    expected["g:0"].append(b"last")
    hub.kill()
    successor = Hub(path)
    assert {topic: successor.payloads(topic)[-20:] for topic in expected} == {
        topic: payloads[-20:] for topic, payloads in expected.items()
    }


def test_is_not_written_anew_without_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old groups, which have had many hubs, take more in the file than it seems; so be it."""
    monkeypatch.setattr(history_file, "MIN_SIZE", 200)
    hub = Hub(path)
    for _ in range(20):
        hub.append(bytes(50))
    monkeypatch.setattr(hub.chronicle, "journal_size", lambda: 300)
    look_after(hub)
    written = path.stat()
    assert written.st_size > 2 * 300
    for _ in range(3):
        look_after(hub)
    assert path.stat().st_ino == written.st_ino
    for _ in range(5):
        hub.append(bytes(50))
    look_after(hub)
    assert path.stat().st_ino != written.st_ino


WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from compat_tests.groups.grpc.hub.test_history_file import Hub, Bounds, history_file

history_file.MIN_SIZE = 0

async def main():
    hub = Hub(Path(sys.argv[1]))
    seen = hub.payloads()
    hub._seq = int(seen[-1]) if seen else 0
    for number in itertools.count(hub._seq + 1):
        assert hub.append(b"%d" % number, bounds=Bounds(50, 3600)) is not None
        print(number, flush=True)
        if number % 40 == 0:
            looking = asyncio.create_task(hub.file.look_after())
        await asyncio.sleep(0)

asyncio.run(main())
"""


def test_killed_at_any_moment(path: Path) -> None:
    """Whenever a hub is killed, also while it writes the file anew: all that it told is there."""
    for count in (3, 90, 130, 170):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        told = 0
        for _ in range(count):
            told = int(writer.stdout.readline())
        writer.kill()
        told = max([told, *map(int, writer.stdout.read().split("\n")[:-1])])
        writer.wait()
        writer.stdout.close()
        hub = Hub(path)
        numbers = [int(payload) for payload in hub.payloads()]
        hub.kill()
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert numbers[-1] in (told, told + 1)
        assert len(numbers) in (numbers[-1], 50)


def test_keeping_in_memory_only() -> None:
    """Without a path nothing is written, and nothing is said to be."""
    with keeping(None, 1000) as kept:
        assert not kept.journal.is_on_disk
        assert kept.journal.size == 0


def test_unreadable(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that can't be read is left alone."""
    path.write_bytes(b"secret")
    path.chmod(0)
    if not os.getuid():
        with contextlib.suppress(OSError):
            pytest.skip("root can read all files")
    hub = Hub(path)
    hub.append(b"1")
    assert "Permission denied" in caplog.text
    assert path.stat().st_size == len(b"secret")
