"""Values of options as the environment and settings have them: texts, or what Python makes of them.

On the command line ``argparse`` does the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from channels_bridge.project.options.option_numbers import NUMBERS, read_number
from channels_bridge.project.options.server_options import Option

#: What a switch may be set to in the environment.
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def read_value(option: Option, value: object) -> Any:
    """Return a value in the type that the option has.

    Raises:
        ValueError: it has no such value.
    """
    if option.kind is bool:
        return _read_switch(value)
    if option.kind in NUMBERS:
        return read_number(option.kind, option.example, value)
    if option.is_repeatable:
        return _read_list(value)
    return option.kind(_read_text(value))


def _read_switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text not in (*_TRUE, *_FALSE):
        raise ValueError(f"{value!r} is neither yes nor no: write 1 or 0, or True or False")
    return text in _TRUE


def _read_list(value: object) -> list[str]:
    """Read several texts: of one with commas, or of a list."""
    if isinstance(value, str | Path):
        texts = [text.strip() for text in _read_text(value).split(",")]
    elif isinstance(value, Iterable):
        texts = [_read_text(text) for text in value]
    else:
        texts = [_read_text(value)]
    return [text for text in texts if text]


def _read_text(value: object) -> str:
    if not isinstance(value, str | Path):
        raise ValueError(f"{value!r} is not a text: write it in quotes")
    return os.fspath(value)
