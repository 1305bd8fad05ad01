"""JetStream, the part of NATS' nodes that keeps messages, as its clients see it.

It knows nothing of groups and queues: requests and their repetition, streams, what time it is in
one, and asking for the next message.
"""
