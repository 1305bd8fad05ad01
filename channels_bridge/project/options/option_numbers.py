"""Numbers among the values of options, wherever they are given, and what is said of others."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from functools import partial
from typing import Any

Kind = Callable[[str], Any]

#: The types that numbers have, and what they are called.
NUMBERS: dict[Kind, str] = {int: "a whole number", float: "a number"}


def read_number(kind: Kind, example: object, value: object) -> int | float:
    """Return a value as a number of a type.

    Args:
        kind: one of ``NUMBERS``.
        example: what to write instead of what is none.

    Raises:
        ValueError: it is none.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        number: int | float = kind(str(value)) if is_number or isinstance(value, str) else kind("")
    except ValueError:
        raise ValueError(f"{value!r} is not {NUMBERS[kind]}, such as {example}") from None
    return number


def argument_type(kind: Kind, example: object) -> Kind:
    """Return what ``argparse`` is to read numbers by, which has the same words for others."""
    return partial(_read_argument, kind, example)


def _read_argument(kind: Kind, example: object, text: str) -> int | float:
    try:
        return read_number(kind, example, text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
