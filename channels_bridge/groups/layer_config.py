"""Options of the layers: a CONFIG, validated once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from channels_bridge.common.other_layers import REDIS_OPTIONS
from channels_bridge.groups.credentials import Credentials
from channels_bridge.groups.discovery.hub_address import Address, default_address
from channels_bridge.groups.overflow import OVERFLOW
from channels_bridge.groups.policies.history_options import HistoryOptions
from channels_bridge.groups.policies.history_policy import HistoryPolicy
from channels_bridge.groups.policies.presence_policy import PresencePolicy
from channels_bridge.groups.policies.seconds import require_seconds

#: The longest message that the hub forwards, in bytes.
MAX_MESSAGE_SIZE = 32 * 1024 * 1024

#: No slash, which is put behind it.
_PREFIX = re.compile(r"[A-Za-z0-9._:-]{0,100}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class LayerConfig:
    """The options of every layer.

    Attributes:
        expiry: seconds until a message that nobody receives is dropped.
        group_expiry: seconds until a channel that nobody is known to read leaves a group.
        capacity: how many messages may wait for one channel.
        channel_capacity: other capacities: glob or compiled pattern of the channel's name ->
            number; the first match counts.
        overflow: what happens to a message to a group for which a consumer has no room:
            ``drop_newest``, ``drop_oldest`` or ``close``, which ends the connection with 1013.
        max_message_size: the longest message, encoded, in bytes. The channel layer specification
            asks for 1 MiB at least; what a client may send to any of the usual servers, 16 MiB to
            uvicorn, can be passed on.
        trace_context: the tracer whose headers go with each message: ``opentelemetry``, ``sentry``
            or the dotted path of a class like ``common.trace_context.TraceContext``.
    """

    expiry: float = 60
    group_expiry: float = 86400
    capacity: int = 100
    channel_capacity: Mapping[Any, int] = field(default_factory=dict)
    overflow: str = "drop_newest"
    max_message_size: int = MAX_MESSAGE_SIZE
    trace_context: str | None = None

    #: Keys that are none, but that people know from elsewhere, and what to do about them.
    meant: ClassVar[Mapping[str, str]] = {}

    #: Keys whose None says something; elsewhere it stands for the default.
    none_means: ClassVar[Collection[str]] = ()

    def __post_init__(self) -> None:
        for name in ("expiry", "group_expiry"):
            require_seconds(name, getattr(self, name))
        for name in ("capacity", "max_message_size"):
            require_count(name, getattr(self, name))
        if not isinstance(self.channel_capacity, Mapping):
            raise ImproperlyConfigured(
                f"CONFIG key 'channel_capacity' must be a dict of patterns and numbers, "
                f"not {self.channel_capacity!r}"
            )
        if self.overflow not in OVERFLOW:
            raise ImproperlyConfigured(
                f"CONFIG key 'overflow' must be one of {', '.join(map(repr, OVERFLOW))}, "
                f"not {self.overflow!r}"
            )
        for pattern, capacity in self.channel_capacity.items():
            require_count(f"channel_capacity[{pattern!r}]", capacity)
        tracer = self.trace_context
        if tracer is not None and not (isinstance(tracer, str) and tracer):
            raise ImproperlyConfigured(
                "CONFIG key 'trace_context' must be 'opentelemetry', 'sentry' or the dotted path "
                f"of a class, not {tracer!r}"
            )

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> LayerConfig:
        """Make one from a CONFIG dict.

        Raises:
            ImproperlyConfigured: a key is unknown, or a value isn't valid.
        """
        known = [option.name for option in fields(cls)]
        for name in options:
            if name not in known:
                raise ImproperlyConfigured(
                    f"unknown CONFIG key {name!r} of a channel layer: {cls._hint(name, known)}"
                )
        given = {k: v for k, v in options.items() if v is not None or k in cls.none_means}
        return cls(**given)

    @property
    def follows(self) -> bool:
        """Whether there is any group that is kept, or whose members are shown."""
        return False

    def history_policy(self, group: str) -> HistoryPolicy | None:
        """What is kept of a group; None where nothing is."""
        return None

    def presence_policy(self, group: str) -> PresencePolicy | None:
        """Who is shown in a group; None where nobody is."""
        return None

    @property
    def presence_policies(self) -> Collection[PresencePolicy]:
        """Those of all patterns."""
        return ()

    @classmethod
    def _hint(cls, name: str, known: list[str]) -> str:
        """Say what to write instead of a key that is unknown."""
        if name in cls.meant:
            return cls.meant[name]
        if name in REDIS_OPTIONS:
            return "remove it, as it is an option of channels_redis"
        close = difflib.get_close_matches(name, known, n=1)
        return f"did you mean {close[0]!r}?" if close else f"its keys are {', '.join(known)}"


@dataclass(frozen=True, kw_only=True)
class LocalConfig(HistoryOptions, LayerConfig):
    """The options of the layer for one process."""

    none_means: ClassVar[Collection[str]] = ("history_file",)

    def __post_init__(self) -> None:
        LayerConfig.__post_init__(self)
        HistoryOptions.__post_init__(self)
        if self.history_file:
            raise ImproperlyConfigured(
                "CONFIG key 'history_file': remove it, LocalChannelLayer keeps messages in memory "
                "only; GrpcChannelLayer has a file"
            )


@dataclass(frozen=True, kw_only=True)
class LinkedConfig(LayerConfig):
    """The options of every layer whose groups reach other processes.

    Attributes:
        prefix: keeps groups and channels apart from those of layers with another one, or none, at
            the same place.
        timeout: how many seconds to wait for an answer.
        confirm: whether ``group_send()`` waits until all processes have the message in a server's
            worker too, so that it survives that the worker is killed.
    """

    prefix: str = ""
    timeout: float = 10
    confirm: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_seconds("timeout", self.timeout)
        require_bool("confirm", self.confirm)

    @property
    def places(self) -> tuple[str, ...]:
        """Where processes meet: layers with a place in common share groups, by their prefix."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class GrpcConfig(HistoryOptions, LinkedConfig, Credentials):
    """The options of the layer over gRPC. For TCP, those of Credentials are among them.

    Attributes:
        address: where the hub listens: ``unix:/path`` or ``host:port``. By default a socket of the
            project's own, in a directory that only its user can enter.
        require_hub: whether ``group_send()`` and the like raise TransportUnavailable where no hub
            is. Otherwise a process that finds none is one of its own: nobody else is a member.
    """

    address: str = ""
    require_hub: bool = False

    none_means: ClassVar[Collection[str]] = ("history_file",)
    meant: ClassVar[Mapping[str, str]] = {
        "servers": "write 'address', or NatsChannelLayer as BACKEND if they are NATS servers",
    }

    def __post_init__(self) -> None:
        LinkedConfig.__post_init__(self)
        HistoryOptions.__post_init__(self)
        if not isinstance(self.prefix, str) or not _PREFIX.fullmatch(self.prefix):
            raise ImproperlyConfigured(
                f"CONFIG key 'prefix' must be text of at most 100 letters, digits and any of "
                f"'._:-', such as 'staging', not {self.prefix!r}"
            )
        require_bool("require_hub", self.require_hub)
        if self.max_message_size > MAX_MESSAGE_SIZE:
            raise ImproperlyConfigured(
                f"CONFIG key 'max_message_size' must be at most {MAX_MESSAGE_SIZE}, "
                f"not {self.max_message_size!r}: the hub takes no larger message"
            )
        try:
            address = Address.parse(self.address or default_address())
        except ValueError as error:
            raise ImproperlyConfigured(f"CONFIG key 'address': {error}") from None
        object.__setattr__(self, "address", str(address))
        try:
            Credentials.__post_init__(self)
            self.require_for_process(address)
        except ValueError as error:
            raise ImproperlyConfigured(f"CONFIG: {error}") from None

    @property
    def places(self) -> tuple[str, ...]:
        return (self.address,)

    @property
    def credentials(self) -> Credentials:
        """What this process shows the hub, and a hub the processes."""
        return Credentials(**{o.name: getattr(self, o.name) for o in fields(Credentials)})


def require_bool(name: str, value: object) -> None:
    """Raise ImproperlyConfigured unless an option is True or False."""
    if not isinstance(value, bool):
        raise ImproperlyConfigured(f"CONFIG key {name!r} must be True or False, not {value!r}")


def require_count(name: str, value: object) -> None:
    """Raise ImproperlyConfigured unless an option is a whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not value > 0:
        raise ImproperlyConfigured(
            f"CONFIG key {name!r} must be a whole number above 0, not {value!r}"
        )
