"""For every test of the desk."""

from compat_tests.communicators import patient_communicators

__all__ = ["patient_communicators"]
