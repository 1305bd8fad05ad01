"""Who a connection is: asked of the project, and never worse than "nobody"."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.utils.crypto import salted_hmac

from channels_bridge.common.rate_limited_log import Notices
from channels_bridge.groups.policies.presence_policy import PresencePolicy
from channels_bridge.groups.presence.presence_description import (
    BadDescription,
    Description,
    read_description,
)

logger = logging.getLogger("channels_bridge.groups")

#: Of the keys of those who aren't named: they are no primary keys, and can't be turned into them.
_SALT = "channels_bridge.presence"


class Describer:
    """Asks the project who connections are.

    What goes wrong there is one line of the log, now and then: the connection isn't listed, and
    goes on.
    """

    def __init__(self) -> None:
        self._notices = Notices(logger)

    def describe(
        self, policy: PresencePolicy, group: str, channel: str, scope: Mapping[str, Any]
    ) -> Description | None:
        """Say who a connection is; None for nobody."""
        if not policy.path:
            return Description(_anonymous_key(channel, scope), b"")
        try:
            return read_description(policy.describe(scope))
        except (BadDescription, ImproperlyConfigured) as error:
            self._note(policy.path, group, str(error))
        except SynchronousOnlyOperation:
            reason = "it asks the database, which it must not wait for: put what it needs into the "
            self._note(policy.path, group, f"{reason}scope, in connect() or in a middleware")
        except Exception as error:  # the project's own code
            self._note(policy.path, group, f"it has raised {error!r}", error)
        return None

    def _note(self, path: str, group: str, reason: str, error: Exception | None = None) -> None:
        suppressed = self._notices.due(path)
        if suppressed is not None:
            logger.error(
                "a connection is not listed as present in group %s, because of %s: %s "
                "(and %d more since the last such line)",
                group,
                path,
                reason,
                suppressed,
                exc_info=error,
            )


def _anonymous_key(channel: str, scope: Mapping[str, Any]) -> str:
    """Return a key that says nothing: the same for all connections of a user who is logged in."""
    user = scope.get("user")
    if getattr(user, "is_authenticated", False):
        name = str(getattr(user, "pk", None))
        return f"u{salted_hmac(_SALT, name, algorithm='sha256').hexdigest()[:16]}"
    return f"c{hashlib.sha256(channel.encode()).hexdigest()[:16]}"
