"""Refusals: why a handler is not shared, where a proof of it does not succeed."""

from __future__ import annotations

import ast
import textwrap
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


#: What stands in a refusal for a kind of node; the others under their own names.
WORDS = {
    ast.Assign: "an assignment",
    ast.AsyncFor: "a loop",
    ast.AsyncWith: "a with statement",
    ast.Attribute: "an attribute that is read",
    ast.Await: "an await",
    ast.AugAssign: "an assignment",
    ast.DictComp: "a comprehension",
    ast.Expr: "a statement",
    ast.For: "a loop",
    ast.GeneratorExp: "a comprehension",
    ast.If: "an if statement",
    ast.ListComp: "a comprehension",
    ast.NamedExpr: "an assignment",
    ast.SetComp: "a comprehension",
    ast.Set: "a set",
    ast.Starred: "a starred argument",
    ast.Try: "a try statement",
    ast.While: "a loop",
    ast.With: "a with statement",
    ast.Yield: "a yield",
}


def describe(node: ast.AST) -> str:
    """Name a part of a handler, for its author."""
    call: ast.AST | None = node
    if isinstance(node, ast.Expr):
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
    if isinstance(call, ast.Call):
        return f"{spell(call.func)}()"
    return WORDS.get(type(node), f"the syntax {type(node).__name__}")


def spell(node: ast.AST) -> str:
    """Write a part of a handler as it is in the file, or its beginning."""
    return textwrap.shorten(ast.unparse(node), 60, placeholder="...")
