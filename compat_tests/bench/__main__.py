"""The project's own measurements: ``python -m compat_tests.bench``.

Without options it measures every scenario, as ``python -m channels_bridge.bench`` does, and says
whether the project's targets are reached. ``--fill`` puts the figures into README and guide, which
takes three rounds of three seconds at least; for those of several runs, see
``python -m compat_tests.bench.documents``.

``--against REVISION`` compares this tree, as it lies there, with another revision of the project:
``HEAD`` for what is not committed, or any other that git knows::

    python -m compat_tests.bench --against main
    python -m compat_tests.bench --against HEAD~1 --scenario echo --scenario idle --rounds 5

The revision is exported to a temporary directory. Both are served by the same interpreter and
packages, under the same application and loads, in turn within each round: by default, three rounds
of ``fanout``, ``echo``, ``many-groups``, ``idle`` and ``connect`` (the handshake). The table has
the CPU time or the memory on both sides, and their ratio in each round: above 1, this tree takes
more. A comparison with ``HEAD``
where nothing was changed shows how far ratios are noise.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from channels_bridge.bench.loads.scenarios import SCENARIOS, named
from channels_bridge.bench.options import add_run
from channels_bridge.bench.report import chart
from channels_bridge.bench.report.results import Results
from channels_bridge.bench.rounds.plan import Plan
from channels_bridge.bench.rounds.run import run, sample_project
from compat_tests.bench import against, documents, revisions
from compat_tests.bench.summary import ROUNDS, SECONDS
from compat_tests.measures.revision import UnknownRevision

PROGRAM = "python -m compat_tests.bench"


def main() -> None:
    options = parse()
    results = compare(options) if options.against else measure(options)
    if options.json:
        options.json.write_text(results.as_json() + "\n")
    documents.fill_all(options.fill, results, options.part or documents.PARTS)


def measure(options: Namespace) -> Results:
    """Measure scenarios, and print tables and targets."""
    scenarios = named(options.scenario or ["all"])
    plan = Plan(scenarios, options.stacks, options.rounds, options.warmup, options.seconds)
    results = run(plan, sample_project(), PROGRAM)
    print(documents.text(results))
    if options.chart:
        options.chart.write_text(chart.draw(results))
    return results


def compare(options: Namespace) -> Results:
    """Measure this tree and another commit side by side, and print the ratios."""
    commit = options.against
    print(f"this tree: {revisions.state()}")
    scenarios = against.scenarios(options.scenario or against.COMPARED, commit)
    with revisions.checkout(commit) as directory:
        stacks = revisions.stacks(commit, directory)
        plan = Plan(scenarios, None, options.rounds, options.warmup, options.seconds, stacks)
        results = run(plan, sample_project(), PROGRAM)
    print(f"\n{against.text(results, commit)}")
    return results


def parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog=PROGRAM, description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    add_run(parser, SCENARIOS)
    documents.add_fill(parser)
    parser.add_argument("--against", metavar="REVISION", help="compare this tree with a revision")
    return parser


def parse() -> Namespace:
    """Read the command line; ends the process where it makes no sense."""
    commands = parser()
    options = commands.parse_args()
    if options.against:
        if options.stacks or options.chart or options.fill or options.part:
            commands.error("--against takes no --stacks, --chart, --fill or --part")
        try:
            options.against = revisions.commit(options.against)
        except UnknownRevision as error:
            commands.error(str(error))
    if options.fill and "summary" in (options.part or documents.PARTS):
        if options.rounds < ROUNDS or options.seconds < SECONDS:
            commands.error(
                f"--fill needs --rounds {ROUNDS} and --seconds {SECONDS:g} at least; for less, in "
                "several runs, there are --json and `python -m compat_tests.bench.documents`"
            )
    return options


if __name__ == "__main__":
    main()
