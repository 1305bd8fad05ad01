"""What a round came to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from compat_tests.chaos.journal import Record
from compat_tests.chaos.outcomes import Suffered, undeclared
from compat_tests.chaos.verdict import Verdict

# Complaints of a kind that are shown.
ENOUGH = 5


class Report:
    """A round's faults, messages and connections.

    Args:
        suffered: the faults.
        end: of the server, which is none of them.
        records: all connections.
        messages: what became of what they said.
        broken: what clients that resume found broken of what they are promised.
    """

    def __init__(
        self,
        suffered: Sequence[Suffered],
        end: Suffered,
        records: Sequence[Record],
        messages: Verdict,
        broken: Sequence[str] = (),
    ) -> None:
        self.faults = len(suffered)
        self._suffered = suffered
        self._sent = {record.name: record.sent for record in records}
        self.messages = messages
        self.broken = broken
        self.outcomes = Counter(record.outcome for record in records)
        self.undeclared = undeclared(records, [*suffered, end])

    @property
    def is_good(self) -> bool:
        return self.messages.is_good and not self.undeclared and not self.broken

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {name}" for name, count in self.outcomes.most_common())
        return (
            f"{self.faults} faults, {self.messages}, {self.outcomes.total()} connections "
            f"({outcomes}), {len(self.undeclared)} with an undeclared outcome, "
            f"{len(self.broken)} promises to clients that resume broken"
        )

    def complaints(self) -> Iterator[str]:
        """What is wrong, a line each; not all of it where that is much."""
        yield from islice(self._losses(), ENOUGH)
        for name in ("duplicated", "disordered"):
            for member, message in getattr(self.messages, name)[:ENOUGH]:
                yield f"{name}: {message} at {member}"
        yield from self.broken
        for record in self.undeclared[:ENOUGH]:
            yield f"undeclared: {record.outcome or 'still open'} of {record}"

    def _losses(self) -> Iterator[str]:
        """What was lost between two connections, and when that began."""
        lost: dict[tuple[str, str], list[int]] = defaultdict(list)
        for member, (sender, number) in self.messages.lost:
            lost[sender, member].append(number)
        for (sender, member), numbers in lost.items():
            first, last = min(numbers), max(numbers)
            yield (
                f"lost: {len(numbers)} from {sender} to {member}, numbers {first} to {last}, "
                f"{self._when(self._sent[sender][first])}"
            )

    def _when(self, moment: float) -> str:
        """Say when that was, by the last fault before it."""
        before = [fault for fault in self._suffered if fault.began <= moment]
        if not before:
            return "before any fault"
        return f"{moment - before[-1].began:.1f} s after {before[-1].name} began"
