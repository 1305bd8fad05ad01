"""Parts of the code that are measured for themselves, a column of the table each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compat_tests.measures.annotations import measure_annotations
from compat_tests.measures.dialect import find_user_modules, measure_dialect
from compat_tests.measures.imports import measure_imports
from compat_tests.measures.layout import measure_layout, measure_tests
from compat_tests.measures.prose import measure_prose
from compat_tests.measures.sizes import measure_sizes
from compat_tests.measures.source import read_sources
from compat_tests.measures.table import Column, Row

TESTS = Path("compat_tests")
#: A tool of its own beside the code that it measures.
BENCH = "bench"


@dataclass(frozen=True)
class Part:
    """A folder, as a whole or without one of its subfolders."""

    folder: Path
    without: str | None = None

    def __str__(self) -> str:
        return f"{self.folder} without {self.without}" if self.without else str(self.folder)

    def measure(self, root: Path) -> Column:
        """Count everything, in the files below ``root``."""
        return {row.name: row for row in self._rows(root)}

    def _rows(self, root: Path) -> Iterator[Row]:
        sources = read_sources(root, self.folder, self.without)
        yield from measure_sizes(sources)
        yield from measure_annotations(sources)
        yield from measure_prose(sources)
        yield from measure_imports(sources)
        yield from measure_layout(sources)
        yield from measure_dialect(sources, find_user_modules(root))
        if self.folder != TESTS:
            yield from measure_tests(read_sources(root, TESTS), sources)


def parts_of(root: Path, folders: list[Path]) -> list[Part]:
    """Each folder, and without its benchmark if it has one."""
    whole = [Part(folder) for folder in folders]
    return [
        *whole,
        *(Part(folder, BENCH) for folder in folders if (root / folder / BENCH).is_dir()),
    ]
