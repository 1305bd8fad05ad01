"""A file of the project, as text that remembers its bytes: encoding, byte order mark, newlines."""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

#: What ends a line in Python and in all that is read here: no form feeds, unlike ``splitlines()``.
_NEWLINE = re.compile(r"\r\n|\r|\n")

#: Byte order marks. UTF-16 is what ``>`` writes in PowerShell, so there are requirements in it.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


@dataclass(frozen=True)
class SourceFile:
    """One file, read once.

    Attributes:
        path: below the project's root, with slashes.
        data: its bytes.
        text: what they say, without a byte order mark, with newlines as they are in the file.
        encoding: in which it is written.
    """

    path: str
    data: bytes
    text: str
    encoding: str

    @classmethod
    def decode(cls, path: str, data: bytes) -> SourceFile:
        """Read bytes: UTF-8, or what the byte order mark or the coding line of Python says.

        Raises:
            ValueError: they are in another encoding, or no text.
        """
        mark = _mark(data)
        encoding = _coding(data) if path.endswith(".py") else _MARKS.get(mark, "utf-8")
        return cls(path, data, data.removeprefix(mark).decode(encoding), encoding)

    @property
    def can_be_patched(self) -> bool:
        """Whether ``git apply`` takes it for text, and so takes a diff of it."""
        return not self.encoding.startswith("utf-16")

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def newline(self) -> str:
        """What ends its first line; ``\\n`` where there is none."""
        match = _NEWLINE.search(self.text)
        return match[0] if match else "\n"

    @cached_property
    def line_starts(self) -> list[int]:
        """Where each line begins, in characters."""
        return [0, *(match.end() for match in _NEWLINE.finditer(self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of a character, both counted from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return a line, counted from 1, with what ends it."""
        starts = self.line_starts
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end]

    def encode(self, text: str) -> bytes:
        """Return other text as the bytes of this file, with its byte order mark."""
        return _mark(self.data) + text.encode(self.encoding)

    def byte_offset(self, offset: int) -> int:
        """Return where a character begins in the file."""
        return len(self.encode(self.text[:offset]))


def _mark(data: bytes) -> bytes:
    """Return the byte order mark that a file begins with; nothing if there is none."""
    return next((mark for mark in _MARKS if data.startswith(mark)), b"")


def _coding(data: bytes) -> str:
    """Return the encoding of a Python file.

    Raises:
        ValueError: it names one that does not exist.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise ValueError(str(error)) from None
    return "utf-8" if encoding == "utf-8-sig" else encoding
