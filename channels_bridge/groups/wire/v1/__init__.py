"""Version 1 of the wire format; ``groups_pb2`` is generated from ``groups.proto``."""
