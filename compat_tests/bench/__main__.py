"""The project's own measurements: ``python -m compat_tests.bench --against REVISION``.

Compares this tree, as it lies there, with another revision of the project, such as ``HEAD`` for
what is not committed, or ``main``::

    python -m compat_tests.bench --against main
    python -m compat_tests.bench --against HEAD~1 --scenario echo --scenario idle --rounds 5

The revision is exported to a temporary directory. Both are served by the same interpreter and
packages, under the same application and loads, in turn within each round: by default, three rounds
of ``fanout``, ``echo``, ``many-groups``, ``idle`` and ``connect`` (the handshake). The table has
the CPU time or the memory on both sides, and their ratio in each round: above 1, this tree takes
more. How far ratios are noise shows a comparison with ``HEAD`` where nothing was changed.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from channels_bridge.bench.options import add_run
from channels_bridge.bench.rounds.plan import Plan
from channels_bridge.bench.rounds.run import run, sample_project
from compat_tests.bench import against, revisions

PROGRAM = "python -m compat_tests.bench"


def main() -> None:
    commands = parser()
    options = commands.parse_args()
    try:
        commit = revisions.commit(options.against)
        print(f"this tree: {revisions.state()}")
    except revisions.NoRevision as error:
        commands.error(str(error))
    compare(options, commit)


def compare(options: Namespace, commit: str) -> None:
    """Measure this tree and a commit side by side."""
    scenarios = against.scenarios(options.scenario or against.COMPARED, commit)
    with revisions.checkout(commit) as directory:
        stacks = revisions.stacks(commit, directory)
        plan = Plan(scenarios, None, options.rounds, options.warmup, options.seconds, stacks)
        results = run(plan, sample_project(), PROGRAM)
    print(f"\n{against.text(results, commit)}")
    if options.json:
        options.json.write_text(results.as_json() + "\n")


def parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog=PROGRAM, description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    add_run(parser)
    parser.add_argument("--against", metavar="REVISION", required=True, help="what git knows")
    return parser


if __name__ == "__main__":
    main()
