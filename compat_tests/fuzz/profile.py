"""The Hypothesis profile of these tests: how long to try."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

__all__ = ["PROFILE"]

# Set by `nox -s fuzz`: how many examples each test tries.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES")

# For each test: ``@PROFILE``. Not loaded for all: other tests have settings of theirs.
PROFILE = settings(
    max_examples=int(EXAMPLES) if EXAMPLES else 60,
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
