"""Groups over NATS: what is sent to a group goes through a cluster of nodes to every process.

``nats_transport`` joins ``client`` (a connection to one node at a time) and ``reliable`` (nothing
is lost while nodes or links between them fail). There is no hub.
"""
