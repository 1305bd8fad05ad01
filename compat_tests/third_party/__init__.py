"""Small real uses of packages that build on Channels, under ``websockets_server``.

One file per package: its application in ``site/``, its tests beside this file. The packages are in
the dependency group ``third-party``; tests of a missing one are skipped.
"""
