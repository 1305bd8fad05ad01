"""The pytest plugin: fixtures for a project's tests.

pytest loads it wherever this package is installed: nothing here imports Django, modules of Channels
or the rest of this package until a fixture is used. What fixtures use is named as text: it needs
Django, and is in ``testing``, where projects name this plugin, too.
"""

from __future__ import annotations
