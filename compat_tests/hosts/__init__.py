"""A project on several hosts, each of which is a network namespace: Linux and root only.

``namespaces`` makes hosts that share a switch, and can be unplugged from it.
"""
