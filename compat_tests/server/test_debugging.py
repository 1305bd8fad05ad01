"""What the end of a debugger is, on each Python."""

from __future__ import annotations

from bdb import BdbQuit

import pytest

from channels_bridge.server.debugging import without_exit


def raised_by(module: str, error: BaseException) -> BaseException:
    """An exception as it comes out of a function of a module."""
    namespace = {"__name__": module, "error": error}
    exec("def fail(): raise error", namespace)
    with pytest.raises(type(error)) as caught:
        namespace["fail"]()  # type: ignore[operator]
    return caught.value


def test_pdb_does_not_end_the_process() -> None:
    """Who leaves pdb leaves what was debugged, as before Python 3.14."""
    assert isinstance(without_exit(raised_by("pdb", SystemExit(1))), BdbQuit)


@pytest.mark.parametrize(
    ("module", "error"),
    [("mysite.views", SystemExit(1)), ("pdb", LookupError()), ("bdb", BdbQuit())],
)
def test_other_ends(module: str, error: BaseException) -> None:
    """An application may end its process, and other errors are what they are."""
    assert without_exit(raised_by(module, error)) is error
