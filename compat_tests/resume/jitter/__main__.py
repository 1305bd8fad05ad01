"""``python -m compat_tests.resume.jitter``: clients on a bad network, on each server in turn."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from channels_bridge.bench.report.machine import header, installed
from channels_bridge.bench.rounds.run import raise_file_limit
from channels_bridge.bench.stacks.sites import Site, sample
from compat_tests.resume.jitter.contestants import CONTESTANTS, NOT_COMPARED, OURS
from compat_tests.resume.jitter.figures import fill, in_short, section
from compat_tests.resume.jitter.profile import PROFILES, Profile
from compat_tests.resume.jitter.trial import Outcome, attempt

PROGRAM = "python -m compat_tests.resume.jitter"


def main() -> int:
    """Returns 1 if this project's server lost, repeated or misreported anything."""
    options = parser().parse_args()
    raise_file_limit()
    sections: dict[str, str] = {}
    figures: dict[str, dict[str, object]] = {}
    is_good = True
    with tempfile.TemporaryDirectory(prefix="cb-jitter-") as directory:
        site = sample(Path(directory))
        for profile in chosen(options):
            outcomes = dict(attempt_all(options, profile, site))
            sections[profile.name] = section(profile.name, outcomes, notes(options, profile))
            figures[profile.name] = {name: asdict(each) for name, each in outcomes.items()}
            sections[f"{profile.name} in short"] = in_short(profile.name, outcomes)
            print(f"\n{sections[profile.name]}\n", flush=True)
            is_good &= OURS not in outcomes or outcomes[OURS].score.is_perfect
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    for document in options.fill:
        fill(document, sections)
    return 0 if is_good else 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument("--profile", action="append", choices=PROFILES, help="(default: all)")
    parser.add_argument(
        "--stacks", nargs="+", choices=CONTESTANTS, metavar="NAME", help=", ".join(CONTESTANTS)
    )
    parser.add_argument("--clients", type=int, default=500, help="(default: 500)")
    parser.add_argument("--quick", action="store_true", help="some seconds, to try the command")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument(
        "--fill",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="put the tables into this document, between its marks; repeatable",
    )
    return parser


def chosen(options: argparse.Namespace) -> Iterator[Profile]:
    """The profiles that the command line asks for."""
    for name in options.profile or PROFILES:
        yield quick(PROFILES[name]) if options.quick else PROFILES[name]


def quick(profile: Profile) -> Profile:
    """The same within seconds; worth nothing as a measurement."""
    return replace(
        profile,
        messages=40,
        rate=10,
        online=1.5,
        offline=0.3,
        settle=4,
        worker_every=profile.worker_every / 6,
        hub_every=profile.hub_every / 20,
    )


def attempt_all(
    options: argparse.Namespace, profile: Profile, site: Site
) -> Iterator[tuple[str, Outcome]]:
    """The outcome of each server that is here."""
    for name in options.stacks or CONTESTANTS:
        if not CONTESTANTS[name].missing():
            print(f"{profile.name}: {name}, {profile.seconds:.0f} s", file=sys.stderr, flush=True)
            yield name, attempt(CONTESTANTS[name], site, profile, options.clients)


def notes(options: argparse.Namespace, profile: Profile) -> Iterator[str]:
    """What belongs to the figures."""
    yield (
        f"{options.clients:,} clients in one group, {profile.messages} messages at "
        f"{profile.rate:g} a second from a process outside of the server"
    )
    names = options.stacks or CONTESTANTS
    facts = header([], PROGRAM)
    facts["versions"] += "".join(f", {each}" for each in versions(names))
    yield from (f"{name}: {value}" for name, value in facts.items())
    for name in names:
        if missing := CONTESTANTS[name].missing():
            yield f"{name} is left out: {', '.join(missing)} not installed"
    yield from (f"{name}: not compared, {why}" for name, why in NOT_COMPARED.items())


def versions(names: Iterable[str]) -> Iterator[str]:
    """Name and version of what was compared."""
    here = [CONTESTANTS[name] for name in names if not CONTESTANTS[name].missing()]
    distributions = dict.fromkeys(name for each in here for name in each.distributions)
    yield from (f"{name} {installed(name)}" for name in distributions)
    yield from dict.fromkeys(each.version() for each in here if each.version)


if __name__ == "__main__":
    sys.exit(main())
