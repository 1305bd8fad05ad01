"""Witnesses: what a proof rests on, each as the very object that was there when it was made.

To look at all of them takes a few microseconds: they are kept as columns, and compared in C.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import contains, getitem, is_
from types import FunctionType
from typing import Any

#: Stands for what isn't there.
ABSENT = object()

#: What makes a function do what it does, besides what it looks up.
PARTS = ("__code__", "__defaults__", "__kwdefaults__")


class Witnesses:
    """What was found in namespaces and objects, and what was not.

    Namespaces are looked into as they are at that time: ``vars()`` of a class or module is no copy.
    """

    __slots__ = (
        "_absent_from",
        "_absent_keys",
        "_entries",
        "_keys",
        "_names",
        "_namespaces",
        "_objects",
        "_values",
    )

    def __init__(self) -> None:
        # Columns of three tables: entries of namespaces, attributes of objects, absences.
        self._namespaces: list[Mapping[str, Any]] = []
        self._keys: list[str] = []
        self._entries: list[Any] = []
        self._objects: list[Any] = []
        self._names: list[str] = []
        self._values: list[Any] = []
        self._absent_from: list[Mapping[str, Any]] = []
        self._absent_keys: list[str] = []

    def look(self, namespace: Mapping[str, Any], key: str) -> Any:
        """Look something up, and take down what was found; ``ABSENT`` if it was nothing."""
        value = namespace.get(key, ABSENT)
        if value is ABSENT:
            self._absent_from.append(namespace)
            self._absent_keys.append(key)
        else:
            self._namespaces.append(namespace)
            self._keys.append(key)
            self._entries.append(value)
        return value

    def look_all(self, namespace: Mapping[str, Any], keys: Iterable[str]) -> None:
        """Look several things up."""
        for key in keys:
            self.look(namespace, key)

    def look_at(self, thing: Any, names: Iterable[str]) -> None:
        """Take down attributes that return the same object each time."""
        for name in names:
            self._objects.append(thing)
            self._names.append(name)
            self._values.append(getattr(thing, name))

    def look_at_function(self, function: FunctionType) -> None:
        """Take down what a function does: some instrumentation exchanges that in the function."""
        self.look_at(function, PARTS)

    def still_hold(self) -> bool:
        """Whether everything is as it was found."""
        try:
            return (
                all(map(is_, map(getitem, self._namespaces, self._keys), self._entries))
                and all(map(is_, map(getattr, self._objects, self._names), self._values))
                and not any(map(contains, self._absent_from, self._absent_keys))
            )
        except (KeyError, AttributeError):  # something is gone
            return False
