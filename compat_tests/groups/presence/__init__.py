"""Tests of presence without processes."""

from __future__ import annotations
