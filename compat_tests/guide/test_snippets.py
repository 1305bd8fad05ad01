"""Small pieces of code and configuration in the guide are what they are said to be."""

from __future__ import annotations

import ast
import logging.config
import re
import textwrap
from typing import Any

import pytest
from django.utils.module_loading import import_string

import channels_bridge
from channels_bridge.logs import JsonFormatter
from compat_tests.guide.pages import GUIDE, block, blocks, read_page

PAGES = sorted(path.name for path in GUIDE.glob("*.md"))
PYTHON = [
    pytest.param(text, id=f"{path.stem}-{number}")
    for path in sorted(GUIDE.glob("*.md"))
    for number, text in enumerate(
        re.findall(r"^ *```python\n(.*?)^ *```$", path.read_text(), re.MULTILINE | re.DOTALL)
    )
]


@pytest.mark.parametrize("text", PYTHON)
def test_python(text: str) -> None:
    """It is Python: a module, or a part of a dict, as in CONFIG."""
    text = textwrap.dedent(text)
    try:
        ast.parse(text)
    except SyntaxError:
        ast.parse(f"{{{text}}}")


@pytest.mark.parametrize(
    "chosen, layer", [("grpc", "GrpcChannelLayer"), ("redis", "RedisChannelLayer")]
)
def test_layers_to_go_back_to(chosen: str, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable chooses between two layers, each of which there is."""
    monkeypatch.setenv("GROUPS_OVER", chosen)
    (text,) = re.findall(
        r"^    ```python\n(.*?)^    ```$", read_page("going_back.md"), re.MULTILINE | re.DOTALL
    )
    settings: dict[str, Any] = {}
    exec(textwrap.dedent(text), settings)
    backend = settings["CHANNEL_LAYERS"]["default"]["BACKEND"]
    assert import_string(backend).__name__ == layer


@pytest.mark.parametrize("address", ["unix:/run/mysite/groups.sock", None])
def test_layer_of_containers(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer has the address that compose gives it, and none on a developer's machine."""
    if address is not None:
        assert f'GROUPS_ADDRESS: "{address}"' in "".join(blocks("docker.md", "yaml"))
        monkeypatch.setenv("GROUPS_ADDRESS", address)
    settings: dict[str, Any] = {}
    exec(block("docker.md", "python"), settings)
    layer = settings["CHANNEL_LAYERS"]["default"]
    assert layer["CONFIG"].get("address") == address
    import_string(layer["BACKEND"])(**layer["CONFIG"])


def test_wheel_of_this_release() -> None:
    """The file that requirements name is the one that `pip wheel` makes of this clone."""
    named = re.findall(r"channels_bridge-([\d.]+)-", "".join(map(read_page, PAGES)))
    assert set(named) == {channels_bridge.__version__}


def test_logging() -> None:
    """The setting LOGGING has a formatter that Python makes of it, and a handler that uses it."""
    settings: dict[str, Any] = {}
    exec(block("metrics.md", "python", "LOGGING = "), settings)
    config = settings["LOGGING"]
    made = logging.config.DictConfigurator(config).configure_formatter(config["formatters"]["json"])
    assert isinstance(made, JsonFormatter)
    assert config["handlers"]["console"]["formatter"] == "json"


@pytest.mark.parametrize("page", ["metrics.md", "nothing_missed.md"])
def test_alerts_name_real_metrics(page: str) -> None:
    """Each metric of an alarm is in the guide's table, which is compared with a server's."""
    table = read_page("metrics.md").partition("| metric | label | |\n")[2].partition("\n\n")[0]
    names = re.findall(r"channels_bridge_(\w+)", "".join(blocks(page, "yaml")))
    assert names
    assert [name for name in names if f"`{name}`" not in table] == []
