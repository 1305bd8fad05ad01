"""Launchers: programs that run the command behind them, such as ``exec``, ``sudo``, ``uv run``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from channels_bridge.migrate.commands.shell_words import Token

_PYTHON = re.compile(r"(.*/)?python[\d.]*|\$\(?\{?PYTHON\w*\}?\)?", re.ASCII)

#: Programs that run the command behind them, with how many words stand before it, beside options.
_LAUNCHERS = {
    ("exec",): 0,
    ("env",): 0,
    ("nohup",): 0,
    ("time",): 0,
    ("command",): 0,
    ("with-contenv",): 0,
    ("dumb-init",): 0,
    ("tini",): 0,
    ("catatonit",): 0,
    ("ddtrace-run",): 0,
    ("opentelemetry-instrument",): 0,
    ("newrelic-admin", "run-program"): 0,
    ("uv", "run"): 0,
    ("poetry", "run"): 0,
    ("pipenv", "run"): 0,
    ("pdm", "run"): 0,
    ("rye", "run"): 0,
    ("hatch", "run"): 0,
    ("gosu",): 1,
    ("su-exec",): 1,
    ("s6-setuidgid",): 1,
    ("setuidgid",): 1,
    ("chpst",): 0,
    ("sudo",): 0,
}
#: Options of these that have their value in the next word.
_WITH_VALUE = {
    "sudo": ("-u", "-g", "--user", "--group"),
    "chpst": ("-u", "-U", "-e", "-o", "-n"),
    "uv": ("--with", "--group", "--extra", "--env-file", "--project", "--directory", "-p"),
    "env": ("-u", "-C"),
}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.ASCII | re.DOTALL)


def unknown_launcher(words: Sequence[Token], *, by_module: bool) -> str:
    """Return the program before a server whose ways are not known; empty if all are."""
    texts = [word.text.value for word in words]
    if by_module:
        while texts and not _PYTHON.fullmatch(texts[-1]):
            if not texts[-1].startswith("-") and texts[-2:-1] not in (["-W"], ["-X"]):
                return texts[-1]
            texts.pop()
        if not texts:
            return "-m"
        texts.pop()
    while texts:
        if (length := _launcher(texts)) is None:
            return texts[0]
        texts = texts[length:]
    return ""


def _launcher(texts: Sequence[str]) -> int | None:
    """Return how many words a known launcher at the beginning takes up; None if it isn't known."""
    if texts[-1] == "--":
        return len(texts)
    names = [text.rpartition("/")[2] for text in texts]
    for launcher, arguments in _LAUNCHERS.items():
        length = len(launcher)
        if (names[0], *texts[1:length]) == launcher:
            return _behind_options(launcher[0], texts, length, arguments)
    return None


def _behind_options(name: str, texts: Sequence[str], place: int, arguments: int) -> int:
    while place < len(texts) and texts[place].startswith("-"):
        place += 2 if texts[place] in _WITH_VALUE.get(name, ()) else 1
    place += arguments
    while name in ("env", "sudo") and place < len(texts) and _ASSIGNMENT.fullmatch(texts[place]):
        place += 1
    return min(place, len(texts))
