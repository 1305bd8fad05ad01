"""Advice: what surprises in a project that is about to be served, and what to write instead.

- ``startup_advice``: warnings at a server's start; ``group_advice``: those about groups.
- ``deployment_checks``: the same for ``check --deploy``; ``installed``: a check that needs no
  application. ``nats_checks`` connects to NATS for them.
- ``environment_sources``: environment variables that a project's files set, for such warnings.

Checks of settings alone are in ``checks``.
"""
