"""``python -m channels_bridge.migrate``: the command."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from channels_bridge.migrate import git_state, migrate_arguments, recognition, writing
from channels_bridge.migrate.difference_rules import about
from channels_bridge.migrate.model.migration import Changed, Migration, look
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Rule
from channels_bridge.migrate.reports import github_report, json_report, sarif_report, text_report
from channels_bridge.migrate.reports.file_diff import diff
from channels_bridge.migrate.reports.guide_links import link
from channels_bridge.migrate.rule_book import FINDERS, all_rules

NOTHING_LEFT, SOMETHING_LEFT, UNUSABLE, UNREAD = range(4)

AFTERWARDS = """\
Now check it:
    python manage.py check
    python manage.py test, or however the project's tests are run
    python manage.py websockets_server
To go back: {back}"""

GIT_BACK = "git restore {paths}"
PATCH_BACK = "there is no git; the changes were these, for patch -R -p1:\n{diff}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code."""
    parser = migrate_arguments.parser()
    arguments = parser.parse_args(argv)
    if arguments.list_rules:
        print(
            *(f"{rule.id} {rule.severity.value} {rule.summary}" for rule in all_rules().values()),
            sep="\n",
        )
        return NOTHING_LEFT
    if arguments.explain:
        return _explain(arguments.explain)
    if arguments.project is None:
        parser.error("give the directory of the project")
    if (reason := recognition.why_not(arguments.project)) is not None:
        return _refuse(reason)
    return _look_at(arguments.project.resolve(), arguments)


def _look_at(root: Path, arguments: Namespace) -> int:
    try:
        ignored = migrate_arguments.ignored_by(root / "pyproject.toml")
    except (ValueError, OSError) as error:
        return _refuse(f"pyproject.toml: {error}")
    project = Project(root)
    if not recognition.is_django(project):
        return _refuse(f"{root} is not a Django project: no manage.py, no settings", project)
    if not recognition.uses_channels(project):
        return _refuse(f"{root} does not use Channels: nothing imports it, no settings", project)
    migration = look(project, migrate_arguments.options_from(arguments, ignored), FINDERS)
    if arguments.write:
        return _write(migration, arguments)
    _print(migration, arguments)
    left = migration.remaining or migration.changes()
    return UNREAD if migration.unread else SOMETHING_LEFT if left else NOTHING_LEFT


def _print(migration: Migration, arguments: Namespace) -> None:
    if arguments.diff:
        sys.stdout.buffer.write(diff(migration.changes()))
        sys.stdout.flush()
        print(text_report.problems(migration.project.problems), file=sys.stderr, end="")
    else:
        print(_report(migration, arguments))


def _report(migration: Migration, arguments: Namespace, written: int | None = None) -> str:
    if arguments.format == "json":
        return json_report.report(migration)
    if arguments.format == "sarif":
        return sarif_report.report(migration, all_rules().values())
    if arguments.format == "github":
        return github_report.report(migration)
    with_diff = not arguments.check and written is None
    return text_report.report(migration, with_diff=with_diff, written=written)


def _write(migration: Migration, arguments: Namespace) -> int:
    changes = migration.changes()
    root = migration.project.root
    dirty = git_state.uncommitted(root, [changed.file.path for changed in changes])
    if dirty and not arguments.force:
        few = ", ".join(dirty[:3]) + (" ..." if len(dirty) > 3 else "")
        return _refuse(f"git has uncommitted changes ({few}): commit them first, or give --force")
    written = [changed for changed in changes if _written(migration, changed)]
    print(_report(migration, arguments, len(written)))
    if arguments.format == "text" and written:
        print(_afterwards(written, in_git=dirty is not None))
    return UNREAD if migration.unread else SOMETHING_LEFT if migration.remaining else NOTHING_LEFT


def _written(migration: Migration, changed: Changed) -> bool:
    try:
        writing.write(migration.project.root, changed)
    except OSError as error:
        text = f"it was not written: {error.strerror}"
    except ValueError as error:
        text = f"it was not written: {error}"
    else:
        return True
    migration.project.skip(changed.file.path, text, matters=True)
    return False


def _afterwards(written: Sequence[Changed], *, in_git: bool) -> str:
    if in_git:
        back = GIT_BACK.format(paths=" ".join(changed.file.path for changed in written))
    else:
        back = PATCH_BACK.format(diff=diff(written).decode("utf-8", "replace"))
    return AFTERWARDS.format(back=back)


def _explain(name: str) -> int:
    rule: Rule | None = all_rules().get(name.upper())
    if rule is None:
        return _refuse(f"there is no rule {name}; --list-rules lists them")
    print(f"{rule.id} ({rule.severity.value}): {rule.summary}\n\n{rule.explanation}\n")
    for row in about(rule):
        print(f"Difference: {row} ...")
    print(f"See {link(rule)}")
    return NOTHING_LEFT


def _refuse(reason: str, project: Project | None = None) -> int:
    """Say why nothing was done; files that could not be read may be the reason."""
    print(f"{migrate_arguments.PROGRAM}: {reason}", file=sys.stderr)
    if project is not None:
        print(text_report.problems(project.problems), file=sys.stderr, end="")
        if any(problem.matters for problem in project.problems):
            return UNREAD
    return UNUSABLE


if __name__ == "__main__":
    sys.exit(main())
