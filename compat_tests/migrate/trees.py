"""Small projects, written into a directory, and what the tool makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from channels_bridge.migrate.model.migrate_options import MigrateOptions
from channels_bridge.migrate.model.migration import Migration, look
from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.rule_book import FINDERS
from channels_bridge.migrate.writing import write as write_file

MANAGE = 'import os\n\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n'
ASGI = """\
import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = ProtocolTypeRouter({"http": get_asgi_application()})
"""
SETTINGS = """\
INSTALLED_APPS = [
    "channels_bridge",
    "django.contrib.auth",
]
ASGI_APPLICATION = "mysite.asgi.application"
"""
#: A project in which there is nothing to do.
DONE = {"manage.py": MANAGE, "mysite/asgi.py": ASGI, "mysite/settings.py": SETTINGS}


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Write files into a directory, which is returned."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def settings(*lines: str, apps: str = '"channels_bridge", "django.contrib.auth"') -> dict[str, str]:
    """Return the settings of a project, to be added to ``DONE``."""
    head = f'INSTALLED_APPS = [{apps}]\nASGI_APPLICATION = "mysite.asgi.application"\n'
    return {"mysite/settings.py": head + "".join(f"{line}\n" for line in lines)}


def migration(root: Path, files: Mapping[str, str], **options: Any) -> Migration:
    """Have a project looked at that has these files beside those of ``DONE``."""
    return look(Project(write(root, {**DONE, **files})), MigrateOptions(**options), FINDERS)


def found(root: Path, files: Mapping[str, str], **options: Any) -> list[tuple[str, str, int]]:
    """Return the rule, severity and line of each finding."""
    findings = migration(root, files, **options).findings
    return [(f.rule.id, f.severity.value, f.line) for f in findings]


def migrated(root: Path, files: Mapping[str, str], **options: Any) -> dict[str, str]:
    """Make all edits, check that a second run makes none, and return what the files are now."""
    for changed in migration(root, files, **options).changes():
        write_file(root, changed)
    again = look(Project(root), MigrateOptions(**options), FINDERS)
    assert again.changes() == []
    return {path: (root / path).read_bytes().decode() for path in {**DONE, **files}}
