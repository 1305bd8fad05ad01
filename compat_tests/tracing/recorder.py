"""A tracer that notes what it is told, and binds what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from channels_bridge.common.trace_context import Handling, Sending

#: Its name for CONFIG.
RECORDER = "compat_tests.tracing.recorder.Recorder"

#: The trace that code belongs to.
current: ContextVar[str] = ContextVar("current", default="")


class Recorder:
    """The headers of a message are the number of its sending; its handlers find that bound.

    Attributes:
        headers: what is sent in their place, if it isn't None.
        sent: all sendings.
        handled: all handlings, with their headers.
        errors: what has come out of both.
        is_open: how many of both have begun and not ended.
    """

    def __init__(self) -> None:
        self.headers: Mapping[str, str] | None = None
        self.sent: list[Sending] = []
        self.handled: list[tuple[Handling, Mapping[str, str]]] = []
        self.errors: list[BaseException] = []
        self.is_open = 0

    @contextmanager
    def sending(self, message: Sending) -> Iterator[Mapping[str, str]]:
        self.sent.append(message)
        with self._noted():
            yield {"trace": str(len(self.sent))} if self.headers is None else self.headers

    @contextmanager
    def handling(self, message: Handling, headers: Mapping[str, str]) -> Iterator[None]:
        self.handled.append((message, headers))
        token = current.set(headers["trace"])
        try:
            with self._noted():
                yield
        finally:
            current.reset(token)  # an error where it isn't the same context

    @contextmanager
    def _noted(self) -> Iterator[None]:
        self.is_open += 1
        try:
            yield
        except BaseException as error:
            self.errors.append(error)
            raise
        finally:
            self.is_open -= 1
