"""A hub's history: how much it keeps of what is sent to groups, and in which file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: What all groups together may take in memory, in bytes.
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class HubHistory:
    """What the layers of a hub say of the history that it keeps for them.

    Attributes:
        file: a path; empty for the file beside the hub's socket; None for memory only.
        max_bytes: what all groups together may take in memory.
    """

    file: str | None = ""
    max_bytes: int = MAX_BYTES

    def join(self, other: HubHistory) -> HubHistory:
        """Return what both layers of one hub ask for: the larger size.

        Raises:
            ValueError: they don't agree on the file.
        """
        if self.file != other.file:
            raise ValueError(
                f"layers with one `address` have one hub, which has one file: give them the same "
                f"`history_file`, not {self.file!r} and {other.file!r}"
            )
        return HubHistory(self.file, max(self.max_bytes, other.max_bytes))

    def path_beside(self, path: Path) -> Path | None:
        """Return the file's path for a hub whose files are beside that one; None for none."""
        if self.file is None:
            return None
        return Path(self.file or f"{path}.history")


#: For a hub whose layers say nothing.
DEFAULT = HubHistory()
