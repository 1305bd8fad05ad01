"""Why a handler is not shared: what a proof of it ends with where it does not succeed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Why a handler can't be shared, in words for its author.

    Args:
        line: of the file that the handler is in; None where the reason is no line of it.
        why: what is wrong, such as ``reads self.user``.
    """

    line: int | None
    why: str

    def __str__(self) -> str:
        return self.why if self.line is None else f"line {self.line} {self.why}"


class Refused(Exception):
    """The proof failed; with what a ``Refusal`` is made of."""

    def __init__(self, line: int | None, why: str) -> None:
        super().__init__(line, why)
        self.refusal = Refusal(line, why)
