"""A requirement: the name of a package, and which releases of it may be installed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from channels_bridge.migrate.model.source_file import SourceFile

Version: TypeAlias = tuple[int, ...]

_REQUIREMENT = re.compile(
    r"""\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[(?P<extras>[^\]]*)\])?\s*(?P<bounds>[^;#@]*)"""
)
#: A wheel by its path or URL, whose name begins with the package's.
_WHEEL = re.compile(
    r"""\s*(\S*/)?(?P<name>[A-Za-z0-9_.]+)-[^\s/]*\.whl(\[(?P<extras>[^\]]*)\])?(?P<bounds>)"""
)
_BOUND = re.compile(r"(?<![<>!=~])(===?|~=|<=?|\^|~|=)\s*v?([0-9][0-9.]*)(\.\*)?")


@dataclass(frozen=True)
class Requirement:
    """One line or entry of a file.

    Attributes:
        name: of the package, in small letters, with ``-`` for ``_`` and ``.``.
        bounds: what releases are allowed, such as ``>=4,<5``.
        file: where it stands.
        offset: its first character there.
        extras: what it has in brackets, such as ``daphne``.
        line: whether it takes a line of its own, which can be removed, in a requirements file.
    """

    name: str
    bounds: str
    file: SourceFile
    offset: int
    extras: tuple[str, ...] = ()
    line: bool = False

    @classmethod
    def parse(
        cls, text: str, file: SourceFile, offset: int, *, line: bool = False
    ) -> Requirement | None:
        """Read a requirement as pip writes it; None where it is none."""
        match = _WHEEL.match(text) or _REQUIREMENT.match(text)
        if match is None:
            return None
        name = re.sub(r"[-_.]+", "-", match["name"]).lower()
        extras = tuple(re.findall(r"[\w.-]+", match["extras"] or ""))
        return cls(name, match["bounds"].strip(), file, offset + match.start("name"), extras, line)

    def excludes(self, version: Version) -> bool:
        """Whether neither a version nor any later one may be installed."""
        ends = [_excluded_from(match) for match in _BOUND.finditer(self.bounds)]
        return any(end is not None and _padded(end) <= _padded(version) for end in ends)


def _excluded_from(bound: re.Match[str]) -> Version | None:
    """Return the first version that is too new for a bound."""
    operator, version = bound[1], tuple(int(part) for part in bound[2].split(".") if part)
    if operator == "<":
        return version
    if operator == "^":
        return (version[0] + 1,)
    if operator == "~=":
        return (*version[:-2], version[-2] + 1) if len(version) > 1 else None
    if operator in ("~", "=") or bound[3]:
        return _next(version[:2])
    return _next(version)


def _next(version: Version) -> Version:
    return (*version[:-1], version[-1] + 1)


def _padded(version: Version) -> Version:
    return (version + (0, 0, 0, 0))[:4]
