"""Layout: how full folders are, and file names that say too little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from compat_tests.measures.source import Source
from compat_tests.measures.table import Row, share

#: Python itself or pytest wants these names.
GIVEN_NAMES = {"__init__.py", "__main__.py", "conftest.py"}


def measure_layout(sources: list[Source]) -> Iterator[Row]:
    """Rows on folders and file names."""
    folders = Counter(source.path.parent for source in sources).most_common()
    largest = tuple(f"{count} {folder}/" for folder, count in folders[:10])
    yield Row("largest flat folder (files)", (folders[0][1] if folders else 0,), "less", largest)
    twice = tuple(_occurring_twice(sources))
    yield Row("file names that occur more than once", (len(twice),), "less", twice)


def measure_tests(tests: list[Source], sources: list[Source]) -> Iterator[Row]:
    """Rows on how many lines the tests of some code have for each line of it."""
    lines = sum(len(source.lines) for source in sources)
    tested = sum(len(source.lines) for source in tests if source.is_test)
    everything = sum(len(source.lines) for source in tests)
    yield Row("lines of tests per 100 of source", (share(tested, lines),), "more")
    yield Row("... with all that helps them", (share(everything, lines),))


def _occurring_twice(sources: list[Source]) -> Iterator[str]:
    names = Counter(source.path.name for source in sources)
    for name, count in sorted(names.items()):
        if count > 1 and name not in GIVEN_NAMES:
            folders = (str(source.path.parent) for source in sources if source.path.name == name)
            yield f"{name}: {', '.join(folders)}"
