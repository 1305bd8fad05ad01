"""All scenarios, by what they are about."""

from __future__ import annotations

from compat_tests.differences.scenario import Scenario
from compat_tests.differences.scenarios import (
    channels,
    connection,
    handshake,
    misbehaving,
    proxies,
    scope,
    shutdown,
)

MODULES = (handshake, connection, scope, channels, misbehaving, proxies, shutdown)

SCENARIOS: list[Scenario] = [each for module in MODULES for each in module.SCENARIOS]

BY_NAME = {each.name: each for each in SCENARIOS}
