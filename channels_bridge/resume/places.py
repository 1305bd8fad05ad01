"""Places: where the client of one connection is in one group."""

from __future__ import annotations

from typing import Any

from channels_bridge.groups.history.position import Answer, Entry, Position, Why
from channels_bridge.resume.tags import tag_of

#: Entries without a frame after which the client is told where it is, before the next beat would:
#: who breaks off then should not be behind by more than the log keeps.
UNTOLD = 16


class Place:
    """Where a client is in a group.

    Attributes:
        tag: the group's.
        epoch: of the last position that the client was told.
        done: the offset of the last entry that was handled.
        told: the offset that the client knows of, by frames or by a message.
        frames: how many frames of the next entry the client has, until it is told its position.
        answer: to the join, until the client is told.
        patience: how many entries without a frame there may be before it is told.
        why: with an answer that something is missing.
        was: the tag that the client knows the group by, where that is another one.
        owes_live: whether the client waits to hear that it has caught up.
        identity: whom its tickets are for: the user who has joined, who may be known since then
            only, and may be another one later.
        is_live: whether it has caught up.
        is_left: whether it is no longer a member.
        is_warned: whether the client knows that something is missing, and not yet where it goes on.
        has_echo: whether its own messages from before are to look like its own.
        name: what the page calls the group, where it has a name for it.
    """

    __slots__ = (
        "answer",
        "done",
        "epoch",
        "frames",
        "has_echo",
        "identity",
        "is_left",
        "is_live",
        "is_warned",
        "name",
        "owes_live",
        "patience",
        "tag",
        "told",
        "was",
        "why",
    )

    def __init__(
        self, group: str, identity: str, answer: Answer, position: Position, why: Why | None
    ) -> None:
        self.tag = tag_of(group)
        self.identity = identity
        self.answer: Answer | None = answer
        self.why = why
        self.epoch = position.epoch
        self.done = self.told = position.offset
        self.frames = 0
        self.was: str | None = None
        self.owes_live = answer is Answer.OK
        self.is_live = False
        self.is_left = False
        self.is_warned = False
        self.has_echo = True
        self.patience = UNTOLD
        self.name: str | None = None

    @property
    def position(self) -> Position:
        """What the client is told."""
        return Position(self.epoch, self.done)

    @property
    def is_untold(self) -> bool:
        """Whether entries were handled that the client knows nothing of."""
        return self.done != self.told

    @property
    def is_overdue(self) -> bool:
        """Whether there are so many that it should."""
        return self.done - self.told >= self.patience

    def obey(self, layer: Any, group: str) -> None:
        """Take what CONFIG says of the group."""
        policy_of = getattr(getattr(layer, "config", None), "history_policy", None)
        policy = None if policy_of is None else policy_of(group)
        if policy is not None:
            self.has_echo = policy.echo
            self.patience = max(min(policy.bounds.messages // 4, UNTOLD), 1)

    def begin_epoch(self, entry: Entry) -> None:
        """The next entry is the first one of another epoch that the client hears of."""
        self.epoch = entry.epoch
        self.done = self.told = entry.offset - 1

    def move(self, position: Position, why: Why) -> None:
        """Something is missing right before a position; it goes on there."""
        self.answer, self.why = Answer.GAP, why
        self.is_warned = False
        self.epoch = position.epoch
        self.done = self.told = position.offset
        self.frames = 0
        self.owes_live = False
