"""What the documents say about the project's own files is true."""

import re
from pathlib import Path

import pytest

from channels_bridge.management.commands.websockets_server import Command

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
README = (ROOT / "README.md").read_text()
GUIDE = ROOT / "migration_guide"
DEPLOYMENT = (GUIDE / "deployment.md").read_text()
CLAIMS = re.findall(r"`(\S+\.py)::(\w+)`", (GUIDE / "differences.md").read_text() + DEPLOYMENT)
STARTS = re.findall(r"websockets_server\b[^`\n]*", DEPLOYMENT)
OPTIONS = re.findall(
    r"^\|[^|]*\|.*?`(--?[\w-]+).*\|", (GUIDE / "command.md").read_text(), re.MULTILINE
)
DOCUMENTS = [ROOT / "README.md", *GUIDE.glob("*.md"), *ROOT.glob("examples/*/*.md")]


@pytest.mark.parametrize("file, name", CLAIMS)
def test_claims_are_tested(file: str, name: str) -> None:
    """Each difference from Channels, and each bad day, names a test that exists."""
    assert re.search(rf"^(async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize("option", OPTIONS)
def test_options_exist(option: str) -> None:
    """Each option in the guide is one of the command's."""
    parser = Command().create_parser("manage.py", "websockets_server")
    assert option in re.findall(r"-[\w-]+", parser.format_help())


@pytest.mark.parametrize("start", STARTS)
def test_examples_start(start: str) -> None:
    """Each command line of the deployment page has options that exist."""
    parser = Command().create_parser("manage.py", "websockets_server")
    options = re.findall(r"(?<![\w-])--?[a-z][\w-]*", start)
    assert set(options) <= set(re.findall(r"-[\w-]+", parser.format_help()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Relative links between documents and files are not broken."""
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / link).exists(), link


def test_ci_runs_the_documented_command() -> None:
    """CI runs README's test command, letter by letter."""
    commands = re.findall(r"^```\n(python3 .*)\n```$", README, re.MULTILINE)
    assert len(commands) == 2
    assert f"\n{commands[1]}\n" in (ROOT / ".ci/run").read_text()
