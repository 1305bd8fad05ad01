"""A worker's figures of history: what clients were told, and what it keeps for those who come."""

from __future__ import annotations

from collections.abc import Iterable

from channels_bridge.groups.layer_statistics import LayerStatistics
from channels_bridge.resume import resume_counters as resume
from channels_bridge.server.child.questions import Message


def counters(layers: Iterable[LayerStatistics]) -> Message:
    """Count the answers to clients, and what was replayed."""
    found = [layer.history for layer in layers if layer.history is not None]
    return {
        "resumes": dict(resume.answers),
        "replayed": sum(history.replayed for history in found),
    }


def gauge(layers: Iterable[LayerStatistics]) -> Message | None:
    """Sum up what the layers of this process keep; None where none is asked to."""
    found = [layer.history for layer in layers if layer.history is not None]
    if not found:
        return None
    return {
        "groups": sum(history.replicas for history in found),
        "bytes": sum(history.bytes for history in found),
        "behind": sum(history.behind for history in found),
    }


def drops(layers: Iterable[LayerStatistics]) -> int:
    """Count the messages that were forgotten before a member had them."""
    return sum(layer.history.lost for layer in layers if layer.history is not None)
