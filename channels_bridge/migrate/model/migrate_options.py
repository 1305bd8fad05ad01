"""The options of a migration, from the command line and pyproject.toml."""

from __future__ import annotations

from dataclasses import dataclass

#: What ``layer`` may be.
LAYERS = ("auto", "keep", "grpc", "local", "nats")


@dataclass(frozen=True)
class MigrateOptions:
    """Options that change what is found or written.

    Attributes:
        layer: which to write: ``grpc``, ``local`` or ``nats``; ``keep`` to leave it; ``auto``
            for ``grpc`` where all that sends to groups is certain to run on one machine.
        workers: how many workers start commands get; None leaves it to the command's default.
        bind: the address of start commands; None takes over what they have.
        requirement: the line to add to requirements files; None adds nothing.
        remove: whether packages that are no longer needed leave the requirements.
        select: beginnings of the ids of rules that count; empty for all.
        ignore: beginnings of the ids of rules that do not.
    """

    layer: str = "auto"
    workers: int | None = None
    bind: str | None = None
    requirement: str | None = None
    remove: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def wants(self, rule: str) -> bool:
        """Whether findings of a rule count."""
        selected = not self.select or rule.startswith(self.select)
        return selected and not rule.startswith(self.ignore)
