"""Hints about optional packages."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError
from unittest.mock import Mock

import pytest

from channels_bridge.server import optional_packages
from channels_bridge.server.optional_packages import EXTRAS, how_to_install, missing, too_new
from compat_tests.servers import REPOSITORY


@pytest.mark.parametrize("extra", EXTRAS)
def test_packages_are_those_of_the_extra(extra):
    """What a hint says to install is what the extra would have installed."""
    text = (REPOSITORY / "pyproject.toml").read_text()
    line = re.search(rf"^{extra} = \[(.*)\]$", text, re.MULTILINE)[1]
    packages = re.findall(r'"([\w-]+).*?(<[\d.]+)?"', line)
    assert list(EXTRAS[extra].values()) == [name + bound for name, bound in packages]


def test_only_what_is_missing(monkeypatch):
    """A hint names the packages that are missing, and no others."""
    assert missing("http") == []
    monkeypatch.setattr(
        optional_packages, "find_spec", lambda name: None if name == "httptools" else name
    )
    assert how_to_install(missing("http")) == "pip install httptools"


@pytest.mark.parametrize("release", ["0.55.0", "0.55.0rc1", "1.0", "0.100.0"])
def test_a_release_that_is_too_new(monkeypatch, release):
    """A release beyond an upper bound is named, and what to install instead."""
    monkeypatch.setattr(optional_packages, "version", lambda name: release)
    assert too_new("http") == {f"uvicorn {release}": "uvicorn<0.55"}
    assert how_to_install(["uvicorn<0.55"]) == "pip install 'uvicorn<0.55'"


@pytest.mark.parametrize("release", ["0.30.0", "0.54.9", "0.54.0.post1"])
def test_a_release_within_the_bounds(monkeypatch, release):
    """Of a release that is not too new nothing is said; nor of one that isn't there."""
    monkeypatch.setattr(optional_packages, "version", lambda name: release)
    assert too_new("http") == {}
    monkeypatch.setattr(optional_packages, "find_spec", lambda name: None)
    monkeypatch.setattr(optional_packages, "version", lambda name: "0.55.0")
    assert too_new("http") == {}


@pytest.mark.parametrize("answer", [None, PackageNotFoundError("uvicorn")])
def test_a_package_without_metadata(monkeypatch, answer):
    """Nothing is said of a package that was copied in, and says nowhere which release it is."""
    monkeypatch.setattr(optional_packages, "version", Mock(side_effect=[answer] * 2))
    assert too_new("http") == {}
