"""Options of the layers that can keep messages and tell who is present."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from channels_bridge.groups.policies.history_policy import HistoryPolicy, read_history
from channels_bridge.groups.policies.patterns import ByPattern
from channels_bridge.groups.policies.presence_policy import PresencePolicy, read_presence

#: Less is filled by a few messages, more is a database's business.
_HISTORY_BYTES = (2**20, 2**40)


@dataclass(frozen=True, kw_only=True)
class HistoryOptions:
    """What is kept of groups, by patterns of their names.

    Attributes:
        history: glob or compiled pattern of a group's name -> what is kept of it; the first match
            counts.
        history_bytes: the most that all groups together may take, in the hub and in each worker;
            the oldest messages go first.
        history_file: where the hub keeps it over its end: a path; empty for a file beside its
            socket; None for memory only.
        presence: glob or compiled pattern of a group's name -> who is shown there.
    """

    history: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)
    history_bytes: int = 64 * 2**20
    history_file: str | None = ""
    presence: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self._histories  # read now, so that mistakes are found now
        _ = self._presences
        self._check_bytes()
        self._check_file()

    @property
    def follows(self) -> bool:
        """Whether there is any group that is kept, or whose members are shown."""
        return bool(self.history or self.presence)

    def history_policy(self, group: str) -> HistoryPolicy | None:
        """What is kept of a group; None where nothing is."""
        return self._histories.find(group)

    def presence_policy(self, group: str) -> PresencePolicy | None:
        """Who is shown in a group; None where nobody is."""
        return self._presences.find(group)

    @property
    def presence_policies(self) -> Collection[PresencePolicy]:
        """Those of all patterns."""
        return self._presences.values

    @cached_property
    def _histories(self) -> ByPattern[HistoryPolicy]:
        return read_history(self.history)

    @cached_property
    def _presences(self) -> ByPattern[PresencePolicy]:
        return read_presence(self.presence)

    def _check_bytes(self) -> None:
        value, (least, most) = self.history_bytes, _HISTORY_BYTES
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ImproperlyConfigured(
                f"CONFIG key 'history_bytes' must be a whole number from {least} to {most}, "
                f"not {value!r}"
            )

    def _check_file(self) -> None:
        value = self.history_file
        if isinstance(value, Path):
            object.__setattr__(self, "history_file", value := str(value))
        if value is not None and not isinstance(value, str):
            raise ImproperlyConfigured(
                "CONFIG key 'history_file' must be a path, or None to keep messages in memory "
                f"only, not {value!r}"
            )
        if value and not Path(value).is_absolute():
            raise ImproperlyConfigured(
                f"CONFIG key 'history_file' must be an absolute path, such as "
                f"'/var/lib/mysite/groups.history', not {value!r}"
            )
