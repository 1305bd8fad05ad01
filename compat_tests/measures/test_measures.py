"""Measures of a few tiny files."""

from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path

import pytest

from compat_tests.measures import __main__ as command
from compat_tests.measures.dialect import find_user_modules, measure_dialect
from compat_tests.measures.part import Part, parts_of
from compat_tests.measures.source import read_sources
from compat_tests.measures.table import Column

FOLDER = Path("code")

FILES = {
    "code/__init__.py": "",
    "code/shapes.py": '''
        """What shapes there are: a rate limit each."""
        from __future__ import annotations

        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from code import colours

        __all__ = ["Circle"]


        class Circle:  # a comment
            """
            Round, as :class:`Circle`.
            """

            def area(self, pi: float, times=1) -> float:
                """Give the area."""
                # Another comment.
                return pi * times  # type: ignore

            def _secret(self): ...


        def draw(circle, *rest):
            if circle:
                pass
            elif rest:
                for one in rest:
                    def inner():
                        with one:
                            return 1
            return 0
        ''',
    "code/colours.py": """
        from . import shapes


        def paint():
            from code.more.tests import shapes
        """,
    "code/more/shapes.py": '''"""Shapes, once more."""\n''',
    "code/more/tests.py": """
        from __future__ import annotations
        from code import colours
        """,
    "code/bench/load.py": "def run() -> None: ...\n",
    "code/wire_pb2.py": "def generated(): ...\n",
    "compat_tests/test_shapes.py": """
        def test_area():
            assert True
        """,
    "compat_tests/helper.py": "x = 1\n",
    "README.md": "Write `from channels_bridge.shapes.round import Circle`.\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, FILES)
    return tmp_path


@pytest.fixture
def column(root: Path) -> Column:
    return Part(FOLDER).measure(root)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).removeprefix("\n"))


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("files / lines", (6, 42)),
        ("lines of a file: median / p90 / max", (1.5, 33, 33)),
        ("function: median / p90 / max", (2.5, 9, 9)),
        ("function without docstring", (2.5, 9, 9)),
        # `if`, `for`, the function inside, and its `with`.
        ("nesting: max / functions at 4 or more", (4, 1)),
        ("annotated returns / arguments, %", (100 * 2 / 6, 100 * 1 / 4)),
        ("type: ignore", (1,)),
        ("comments per 100 lines / code lines", (100 * 3 / 42, 100 * 3 / 24)),
        ("docstring lines per 100", (100 * 6 / 42,)),
        ("public names without docstring, %", (100 * 3 / 5,)),
        ("... of more than 5 lines", (1,)),
        ("first lines: What, How, Where, Who, ...", (1,)),
        ("terms of art found, of 13", (1,)),
        ("  rate limit", (1,)),
        ("import circles at run time", (0,)),
        ("... with typing imports", (1,)),
        ("... with lazy imports, too", (1,)),
        ("largest flat folder (files)", (3,)),
        ("file names that occur more than once", (1,)),
        ("relative imports", (1,)),
        ("files without `from __future__`", (2,)),
        ("docstrings that open on the next line", (1,)),
        ("`__all__` where users don't import", (1,)),
        ("Sphinx roles in docstrings", (1,)),
        ("single backticks in docstrings", (1,)),
        ("lines of tests per 100 of source", (100 * 2 / 42,)),
        ("... with all that helps them", (100 * 3 / 42,)),
    ],
)
def test_figures(column: Column, name: str, figures: tuple[float, ...]) -> None:
    """Each measure of a few files is what a person counts; a generated file is left out."""
    assert column[name].figures == pytest.approx(figures)


def test_places(column: Column) -> None:
    """A measure says where its figure comes from."""
    assert column["... of more than 5 lines"].places == ("code/shapes.py:25 draw",)
    assert column["function: median / p90 / max"].places[0] == "9 code/shapes.py:25 draw"
    (circle,) = column["... with lazy imports, too"].places
    assert circle == "code.colours <-> code.more.tests <-> code.shapes"


def test_folder_without_its_benchmark(root: Path) -> None:
    """A folder with a benchmark is measured with it and without."""
    columns = {str(part): part.measure(root) for part in parts_of(root, [FOLDER])}
    assert {title: column["files / lines"].figures[0] for title, column in columns.items()} == {
        "code": 6,
        "code without bench": 5,
    }


def test_tests_without_docstring(root: Path) -> None:
    """Tests are measured as code, too, and each of them is to have a docstring."""
    column = Part(Path("compat_tests")).measure(root)
    assert column["tests without docstring"].places == ("compat_tests/test_shapes.py:1 test_area",)


def test_user_modules(root: Path) -> None:
    """Modules that documents name may have an ``__all__``, and so may the packages they are in."""
    shapes = "channels_bridge.shapes"
    assert find_user_modules(root) >= {"channels_bridge", shapes, f"{shapes}.round"}


def test_against_a_revision(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command shows what git has for a revision beside what is there now."""
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "then"]):
        subprocess.run([*git, *arguments], check=True)
    (root / "code/longer.py").write_text("def long():\n" + "    pass\n" * 9)
    monkeypatch.setattr(command, "ROOT", root)
    monkeypatch.setattr("sys.argv", ["measures", "code", "--against", "HEAD"])
    assert command.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("function: ")][0] == (
        "function: median / p90 / max 2.5 / 9 / 9 3 / 10 / 10 <- worse".split()
    )


def test_unknown_revision(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A revision that git does not know is said in git's words."""
    subprocess.run(["git", "-C", str(root), "init", "-q"], check=True)
    monkeypatch.setattr(command, "ROOT", root)
    monkeypatch.setattr("sys.argv", ["measures", "code", "--against", "nowhere"])
    assert command.main() == 2
    assert "nowhere" in capsys.readouterr().err


def test_ends_of_docstrings(tmp_path: Path) -> None:
    """A blank line before a docstring's end is found, and one within is not."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "ends.py").write_text(
        '"""One.\n\nTwo.\n\n"""\n\ndef f():\n    """One.\n\n    Two.\n    """\n'
    )
    rows = measure_dialect(read_sources(tmp_path, Path("code")), set())
    (row,) = (row for row in rows if row.name == "docstrings that end with a blank line")
    assert row.places == ("code/ends.py:1",)
