"""Statements of the documents about the project's own files are true."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest
from uvicorn.main import main as uvicorn_command

from channels_bridge.management.commands.websockets_server import Command
from channels_bridge.project.foreign.foreign_command_line import find
from channels_bridge.project.foreign.foreign_options import SERVERS
from channels_bridge.project.foreign.option import Option

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
README = (ROOT / "README.md").read_text()
GUIDE = ROOT / "migration_guide"
PAGES = {path.name: path.read_text() for path in sorted(GUIDE.glob("*.md"))}
TEXT = "".join(PAGES.values())
# What a row claims is tested by what a comment behind it names, which readers do not see.
CLAIMS = sorted(set(re.findall(r"([\w/]+\.py)::(\w+)", TEXT)))
DIFFERENCES = re.findall(r"^\|[-|]+\|\n((?:\|.*\n)+)", PAGES["differences.md"], re.MULTILINE)
STARTS = sorted(set(re.findall(r"manage\.py\W+websockets_server\b[^`\n]*", TEXT)))
OPTIONS = re.findall(
    r"^\|[^|]*\|.*?`(--?[\w-]+).*\|", (GUIDE / "command.md").read_text(), re.MULTILINE
)
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
NODES = sorted(set((ROOT / "examples/nats").iterdir()) - {ROOT / "examples/nats/README.md"})
DOCUMENTS = [ROOT / "README.md", *GUIDE.glob("*.md"), *ROOT.glob("examples/*/*.md")]


@pytest.mark.parametrize("file, name", CLAIMS)
def test_claims_are_tested(file: str, name: str) -> None:
    """Each difference from Channels, and each bad day, names a test that exists."""
    assert re.search(rf"^(async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("row", "".join(DIFFERENCES).splitlines())
def test_each_difference_has_a_test(row: str) -> None:
    """The comment at the end of its row names one or several."""
    assert re.search(r" <!-- .*\w+\.py::\w+.* --> \|$", row)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+(?:\.py|/))`", CONTRIBUTING))))
def test_map_of_the_code(name: str) -> None:
    """Each file and folder that CONTRIBUTING names is there, under that name."""
    places = [ROOT, ROOT / "channels_bridge", ROOT / "compat_tests"]
    if not any((place / name).exists() for place in places):
        assert list((ROOT / "channels_bridge").rglob(name)), f"no {name} any more"


@pytest.mark.parametrize("option", OPTIONS)
def test_options_exist(option: str) -> None:
    """Each option in the guide is one of the command's."""
    parser = Command().create_parser("manage.py", "websockets_server")
    assert option in re.findall(r"-[\w-]+", parser.format_help())


@pytest.mark.parametrize("server", SERVERS)
def test_tables_of_options(server: str) -> None:
    """The guide's table of another server's options is the one that the command answers from."""
    _, _, section = (GUIDE / "command.md").read_text().partition(f"\n## From {server}\n")
    assert re.search(r"((?:\|.*\n)+)", section).group(1) == table(server, SERVERS[server])


def test_tables_are_complete() -> None:
    """They have each option of the Daphne and the uvicorn that are installed."""
    package = Path(find_spec("daphne").origin).parent
    of_daphne = re.findall(
        r'^ +"(--?[a-z][\w-]*)",', (package / "cli.py").read_text(), re.MULTILINE
    )
    of_uvicorn = [
        name for option in uvicorn_command.params for name in option.opts + option.secondary_opts
    ]
    assert len(of_daphne) > 20 and len(of_uvicorn) > 40
    for server, names in ("Daphne", of_daphne), ("uvicorn", of_uvicorn):
        options = {name for name in names if name.startswith("-")} - {"--version"}
        assert [name for name in sorted(options) if find(name, server) is None] == []


def table(server: str, options: Iterable[Option]) -> str:
    """What stands in the guide; to be copied from where the test shows it."""
    rows = [f"| {server} | `websockets_server` | |", "|---|---|---|"]
    for option in options:
        cells = code(option.theirs), code(option.ours), option.remark
        rows.append("|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|")
    return "\n".join([*rows, ""])


def code(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", ") if name)


@pytest.mark.parametrize("start", STARTS)
def test_examples_start(start: str) -> None:
    """Each command line of the guide has options that exist."""
    parser = Command().create_parser("manage.py", "websockets_server")
    options = re.findall(r"(?<![\w-])--?[a-z][\w-]*", start)
    assert set(options) <= set(re.findall(r"-[\w-]+", parser.format_help()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Relative links between documents and files are not broken."""
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / link).exists(), link


@pytest.mark.parametrize("file", NODES, ids=lambda path: path.name)
def test_configuration_of_nodes(file: Path) -> None:
    """The guide shows the files of the example, which tests run, letter by letter."""
    text = (GUIDE / "several_machines.md").read_text()
    assert f"\n{file.read_text()}```\n" in text


def test_ci_runs_the_documented_command() -> None:
    """CI runs README's test command, letter by letter."""
    commands = re.findall(r"^```\n(python3 .*)\n```$", README, re.MULTILINE)
    assert len(commands) == 2
    assert f"\n{commands[1]}\n" in (ROOT / ".ci/run").read_text()
