"""What is found in files of Python, by their syntax trees.

- ``default_settings``: the settings modules that ``asgi.py`` and ``manage.py`` name.

It may import ``model``.
"""
