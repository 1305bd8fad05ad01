"""Requests and their replies, nearly all through one subscription with a wildcard. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from channels_bridge.groups.nats.client.nats_errors import Denial, NatsUnavailable
from channels_bridge.groups.nats.client.nats_headers import Reply

OnReply = Callable[[Reply], None]
OnDenied = Callable[[NatsUnavailable], None]
Cancel = Callable[[], object]


class _Expected(NamedTuple):
    subject: str
    on_reply: OnReply
    on_denied: OnDenied


class ReplyReceiver:
    """The key of a subscription that is for replies."""

    def received(self, subject: bytes, reply: Reply) -> None:
        """Take a reply."""
        raise NotImplementedError


class OwnReplies(ReplyReceiver):
    """Replies that come on a subscription of their own.

    JetStream's are found by their subscription alone: each comes under the subject of what it
    carries.
    """

    def __init__(self, on_reply: OnReply) -> None:
        self._on_reply = on_reply

    def received(self, subject: bytes, reply: Reply) -> None:
        """Take a reply."""
        self._on_reply(reply)


class Requests(ReplyReceiver):
    """Those whose replies are expected.

    Args:
        prefix: of the subjects for replies; a dot and a number follow it.
    """

    def __init__(self, prefix: str) -> None:
        self.subject = f"{prefix}.*"
        self._prefix = f"{prefix}."
        self._expected: dict[bytes, _Expected] = {}  # by the number, as it is in the subject
        self._last = 0

    def __len__(self) -> int:
        return len(self._expected)

    def expect(
        self, subject: str, on_reply: OnReply, on_denied: OnDenied = lambda trouble: None
    ) -> tuple[str, Cancel]:
        """Expect replies until they are cancelled.

        Args:
            subject: what the request is published to.
            on_reply: gets each reply.
            on_denied: called when the node doesn't let this user publish to it.

        Returns:
            The subject for replies, and the cancel.
        """
        self._last += 1
        number = b"%d" % self._last
        self._expected[number] = _Expected(subject, on_reply, on_denied)
        return f"{self._prefix}{self._last}", partial(self._expected.pop, number, None)

    def make_subject(self) -> str:
        """A subject for replies on a subscription of their own."""
        self._last += 1
        return f"{self._prefix}own.{self._last}"

    def received(self, subject: bytes, reply: Reply) -> None:
        """Hand a reply to who expects it; one that comes too late is nobody's."""
        expected = self._expected.get(subject[subject.rfind(b".") + 1 :])
        if expected is not None:
            expected.on_reply(reply)

    def denied(self, denial: Denial) -> None:
        """Let those fail that were to be published to a subject that is kept from this user."""
        trouble = NatsUnavailable(
            f"the node does not let this user {denial.action}", denial.advice, refuses=True
        )
        for expected in list(self._expected.values()):
            if denial.verb == "publish" and expected.subject == denial.subject:
                expected.on_denied(trouble)
