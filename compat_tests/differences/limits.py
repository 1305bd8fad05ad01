"""Seconds: many for what a busy machine does late, few for what some server never does."""

from __future__ import annotations

#: Until a client gives up on what a server does.
PATIENCE = 20.0

#: Until a client gives up on what some server never does. Others do it within 6.
LITTLE_PATIENCE = 10.0

#: For an application to end after its connection, where a server limits that.
CLOSING = 5

#: For an application that ends too late.
TOO_LONG = CLOSING + 3
