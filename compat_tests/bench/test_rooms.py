"""The benchmark's rooms, and what each may import."""

from __future__ import annotations

from pathlib import Path

from compat_tests.measures.imports import graph
from compat_tests.measures.source import Source, read_sources

ROOT = Path(__file__).resolve().parents[2]
BENCH = "channels_bridge.bench"
MAY_IMPORT = {
    "loads": "",
    "generator": "loads",
    "stacks": "project loads",
    "report": "loads generator stacks",
    "rounds": "loads generator stacks report",
    "project": "",
}


def sources() -> list[Source]:
    return list(read_sources(ROOT, Path("channels_bridge")))


def room(module: str) -> str:
    """The room of one of the benchmark's modules; "" for those beside the rooms."""
    name = module.removeprefix(f"{BENCH}.").partition(".")[0]
    return name if name in MAY_IMPORT else ""


def is_bench(module: str) -> bool:
    return f"{module}.".startswith(f"{BENCH}.")


def test_rooms_import_one_way() -> None:
    """A room of the benchmark imports what its rule says, and never what lies beside the rooms."""
    for module, targets in graph(sources(), lambda node: True).items():
        if is_bench(module) and room(module):
            rooms = {room(target) for target in targets if is_bench(target)} - {room(module)}
            assert rooms <= {*MAY_IMPORT[room(module)].split()}, module


def test_the_engine_knows_no_benchmark() -> None:
    """Nothing uses the benchmark, and of it only what stands for a project's own code uses the
    engine, by public names.
    """
    crossing = {
        (module, target)
        for module, targets in graph(sources(), lambda node: True).items()
        for target in targets
        if is_bench(module) != is_bench(target) and target != "channels_bridge"
    }
    assert crossing == {
        ("channels_bridge.bench.project.shared", "channels_bridge.groups"),
        ("channels_bridge.bench.stacks.caller", "channels_bridge.sending"),
    }


def test_the_package_does_without_the_tests() -> None:
    """Nothing that is installed imports from compat_tests, which is not."""
    assert not [source.path for source in sources() if "import compat_tests" in source.text]
    assert not [source.path for source in sources() if "from compat_tests" in source.text]
