"""Linked layers: those whose groups reach the other processes of a project.

It imports ``groups``, and no transport: that is loaded when a layer is first used.
"""
