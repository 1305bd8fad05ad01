"""The timing of one run of the load generator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """How long servers are under load, and where they listen.

    Args:
        port: where the servers listen, on 127.0.0.1.
        caller_port: where the process listens that sends to groups from outside; 0 if none does.
        warmup: seconds of load before it is measured.
        seconds: seconds measured.
    """

    port: int
    caller_port: int
    warmup: float
    seconds: float
