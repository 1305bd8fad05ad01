"""Tracing: the trace of who sends a message goes on where the message is handled.

Headers of the sender's trace travel in the message's bytes (``carried_headers``), which a layer
that traces reads by another codec (``tracing_codec``).
"""

from __future__ import annotations
