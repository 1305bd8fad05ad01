"""All rules, and the finders that look for what they are about."""

from __future__ import annotations

from channels_bridge.migrate.model.rule import Finder, Rule
from channels_bridge.migrate.python.app_rules import APP_FINDER
from channels_bridge.migrate.python.application_rules import APPLICATION_FINDER
from channels_bridge.migrate.python.daphne_use_rules import DAPHNE_USE_FINDER
from channels_bridge.migrate.python.handler_rules import HANDLER_FINDER
from channels_bridge.migrate.python.layer_rules import LAYER_FINDER
from channels_bridge.migrate.python.layer_use_rules import LAYER_USE_FINDER
from channels_bridge.migrate.python.shared_state_rules import SHARED_STATE_FINDER
from channels_bridge.migrate.python.startup_rules import STARTUP_FINDER
from channels_bridge.migrate.python.testing_rules import TESTING_FINDER
from channels_bridge.migrate.requirements.requirement_rules import REQUIREMENT_FINDER
from channels_bridge.migrate.starting.health_checks import HEALTH_CHECK_FINDER
from channels_bridge.migrate.starting.shells import SHELL_FINDER
from channels_bridge.migrate.starting.start_commands import START_FINDER
from channels_bridge.migrate.starting.supervisor_programs import PROGRAM_FINDER
from channels_bridge.migrate.starting.units import UNIT_FINDER
from channels_bridge.migrate.topology.containers import CONTAINER_FINDER
from channels_bridge.migrate.topology.kept_apart import ISOLATION_FINDER
from channels_bridge.migrate.topology.nginx import NGINX_FINDER
from channels_bridge.migrate.topology.process_lines import PROCFILE_FINDER
from channels_bridge.migrate.topology.redis_use import BROKER_FINDER

#: In the order in which they look.
FINDERS: tuple[Finder, ...] = (
    APP_FINDER,
    LAYER_FINDER,
    APPLICATION_FINDER,
    LAYER_USE_FINDER,
    HANDLER_FINDER,
    SHARED_STATE_FINDER,
    STARTUP_FINDER,
    DAPHNE_USE_FINDER,
    TESTING_FINDER,
    REQUIREMENT_FINDER,
    START_FINDER,
    PROGRAM_FINDER,
    UNIT_FINDER,
    SHELL_FINDER,
    HEALTH_CHECK_FINDER,
    CONTAINER_FINDER,
    PROCFILE_FINDER,
    ISOLATION_FINDER,
    NGINX_FINDER,
    BROKER_FINDER,
)


def all_rules() -> dict[str, Rule]:
    """Return each rule by its id, in the order of these."""
    rules = [rule for finder in FINDERS for rule in finder.rules]
    return {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
