"""The status of a server that is one process, as ``runserver`` is: it answers for itself."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

from channels_bridge.project import control_client, group_metrics
from channels_bridge.project.figures import figures
from channels_bridge.server.child.questions import Answer, Message
from channels_bridge.server.monitoring.census import PATIENCE, WORKER, Census, Member, Process
from channels_bridge.server.monitoring.status import serving_status
from channels_bridge.server.worker.loop_lag import LoopDelay
from channels_bridge.server.worker.status_report import Report


@contextlib.asynccontextmanager
async def answering_for_itself(about: Mapping[str, Any]) -> AsyncIterator[Report]:
    """Answer ``websockets_status`` until the block ends, with what the report says.

    Args:
        about: what is known of the server itself.
    """
    with contextlib.closing(LoopDelay()) as delay:
        report = Report(delay, figures)
        try:
            path = control_client.default_path()
        except ValueError:  # no place for the socket, which nobody may look for
            yield report
            return
        census = OneProcess(report)
        summarize = group_metrics.summarize
        async with serving_status(path, about, census, summarize=summarize, required=False):
            yield report


class OneProcess(Census):
    """A census of this process alone, as the only worker.

    Args:
        report: answers as a worker does.
    """

    def __init__(self, report: Answer) -> None:
        super().__init__()
        self.phase = "serving"
        self._report = report
        state = SimpleNamespace(ready=True, stopping=False)
        this = SimpleNamespace(
            name=WORKER, pid=os.getpid(), started=time.monotonic(), channel=state
        )
        self._this = cast(Process, this)

    async def workers(self, question: Message, patience: float = PATIENCE) -> list[Member]:
        """Answer for this process, in its own time."""
        return [Member(0, self._this, await self._report(question), fresh=True)]
