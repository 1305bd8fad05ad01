"""``python -m compat_tests.chaos``: rounds of faults, each by a seed that is printed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .scene import Scene

FAULTS = (
    "hub killed",
    "hub stopped",
    "member killed",
    "member stopped",
    "member stopped + hub killed",
    "hub killed + member killed",
    "hub stopped + member stopped",
    "hub stopped + member killed",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m compat_tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--pause", type=float, default=10, help="seconds that SIGSTOP lasts")
    parser.add_argument("--confirm", action="store_true", help="with `confirm` in CONFIG")
    options = parser.parse_args()
    good = True
    for seed in range(options.seed, options.seed + options.rounds):
        good &= play(seed, options)
    return 0 if good else 1


def play(seed: int, options: argparse.Namespace) -> bool:
    """One round: every fault, in the seed's order, and a verdict."""
    with tempfile.TemporaryDirectory(prefix="cb-") as directory:
        scene = Scene(
            Path(directory),
            members=options.members,
            seed=seed,
            confirmed=options.confirm,
            pause=options.pause,
        )
        try:
            scene.wait(1)
            for fault in scene.shuffle(FAULTS):
                scene.suffer(fault)
                scene.wait(3)
            verdict = scene.end()
        finally:
            scene.abort()
    print(f"seed {seed}: {len(scene.faults)} faults, {verdict}", flush=True)
    for name in ("lost", "duplicated", "disordered"):
        for member, message in getattr(verdict, name)[:5]:
            print(f"  {name}: {message} at {member}", flush=True)
    return verdict.is_good


if __name__ == "__main__":
    sys.exit(main())
