"""Traces that go on in the handlers of messages."""

from __future__ import annotations
