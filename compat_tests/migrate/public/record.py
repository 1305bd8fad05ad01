"""Write ``expected.json`` anew from the checkouts, for all projects that it has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from compat_tests.migrate.public.facts import EXPECTED, VARIABLE, checkouts, facts


def main() -> str | None:
    """Record all projects. Returns what is wrong; None if nothing is."""
    if (root := checkouts()) is None:
        return f"set {VARIABLE} to the directory of the checkouts"
    expected = json.loads(EXPECTED.read_text())
    recorded = {name: _recorded(root / name, entry) for name, entry in expected.items()}
    EXPECTED.write_text(json.dumps(recorded, indent=1) + "\n")
    return None


def _recorded(place: Path, entry: dict[str, Any]) -> dict[str, Any]:
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=place, text=True)
    return {"repository": entry["repository"], "commit": commit.strip(), **facts(place)}


if __name__ == "__main__":
    sys.exit(main())
