"""Measures of the code: size, typing, comments, names, imports and dialect.

``python -m compat_tests.measures`` counts them in the folders of this project by the standard
library alone, and with ``--against`` beside those of another revision. Files that protoc has
generated do not count.
"""
