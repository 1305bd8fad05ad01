"""The changes as a unified diff that ``git apply`` and ``patch -p1`` take."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from channels_bridge.migrate.model.migration import Changed

#: Unlike ``splitlines()``, which also ends lines at form feeds and the like.
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def diff(changes: Iterable[Changed]) -> bytes:
    """Return one diff of all files, in their own encodings, with their own newlines."""
    return b"".join(_of_file(changed) for changed in changes)


def _of_file(changed: Changed) -> bytes:
    path = changed.file.path
    before = _LINE.findall(changed.file.data.decode(changed.file.encoding))
    after = _LINE.findall(changed.data.decode(changed.file.encoding))
    lines = difflib.unified_diff(before, after, f"a/{path}", f"b/{path}")
    return "".join(_completed(lines)).encode(changed.file.encoding)


def _completed(lines: Iterable[str]) -> Iterator[str]:
    """Say of a last line without an end that it has none."""
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
