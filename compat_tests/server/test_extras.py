"""Hints about optional packages."""

from __future__ import annotations

import re

import pytest

from channels_bridge.server import extras
from channels_bridge.server.extras import EXTRAS, how_to_install, missing
from compat_tests.servers import REPOSITORY


@pytest.mark.parametrize("extra", EXTRAS)
def test_packages_are_those_of_the_extra(extra):
    """What a hint says to install is what the extra would have installed."""
    text = (REPOSITORY / "pyproject.toml").read_text()
    line = re.search(rf"^{extra} = \[(.*)\]$", text, re.MULTILINE)[1]
    assert list(EXTRAS[extra].values()) == re.findall(r'"([\w-]+)', line)


def test_only_what_is_missing(monkeypatch):
    """A hint names the packages that are missing, and no others."""
    assert missing("http") == []
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "httptools" else name)
    assert how_to_install(missing("http")) == "pip install httptools"
