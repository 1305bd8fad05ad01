"""Fuzzing: input from outside in every shape that it should not have.

In the suite each test takes a second or so, and always tries the same. ``nox -s fuzz`` tries other
things, and for longer. What was found is an ``@example`` of its test from then on.
"""
