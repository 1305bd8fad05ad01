"""Tests of history's core, which has no I/O: logs, journals, cursors, and random worlds."""
