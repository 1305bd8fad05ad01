"""Comments that say that a finding is meant: ``# channels_bridge: ignore[CB404]``."""

from __future__ import annotations

import re

from channels_bridge.migrate.model.project import Project
from channels_bridge.migrate.model.rule import Finding

_COMMENT = re.compile(r"channels_bridge:\s*ignore\[([A-Z0-9,\s]+)\]")


def is_suppressed(project: Project, finding: Finding) -> bool:
    """Whether the finding's line has such a comment, with its rule among others."""
    file = project.file(finding.path)
    match = _COMMENT.search(file.line(finding.line)) if file else None
    names = re.split(r"[\s,]+", match[1].strip()) if match else []
    return finding.rule.id in names
