"""Layout: how full folders are, and file names that say too little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from compat_tests.measures.source import Source
from compat_tests.measures.table import Row, share

#: Python itself or pytest wants these names.
GIVEN_NAMES = {"__init__.py", "__main__.py", "conftest.py"}


def measure_layout(sources: list[Source]) -> Iterator[Row]:
    """Rows on folders and file names."""
    folders = fullest_folders(sources)
    largest = tuple(f"{count} {folder}/" for folder, count in folders[:10])
    yield Row("largest flat folder (files)", (folders[0][1] if folders else 0,), "less", largest)
    twice = tuple(names_occurring_twice(sources, GIVEN_NAMES))
    yield Row("file names that occur more than once", (len(twice),), "less", twice)


def fullest_folders(sources: list[Source]) -> list[tuple[Path, int]]:
    """Count the files of each folder, without its subfolders; the fullest comes first."""
    return Counter(source.path.parent for source in sources).most_common()


def names_occurring_twice(sources: list[Source], given: set[str]) -> Iterator[str]:
    """Find the file names that are in more than one folder, except those that are given."""
    names = Counter(source.path.name for source in sources)
    for name, count in sorted(names.items()):
        if count > 1 and name not in given:
            folders = (str(source.path.parent) for source in sources if source.path.name == name)
            yield f"{name}: {', '.join(folders)}"


def measure_tests(tests: list[Source], sources: list[Source]) -> Iterator[Row]:
    """Rows on how many lines the tests of some code have for each line of it."""
    lines = sum(len(source.lines) for source in sources)
    tested = sum(len(source.lines) for source in tests if source.is_test)
    everything = sum(len(source.lines) for source in tests)
    yield Row("lines of tests per 100 of source", (share(tested, lines),), "more")
    yield Row("... with all that helps them", (share(everything, lines),))
