"""Tests of the reliable layer."""

from __future__ import annotations
