"""JetStream as its clients see it: requests, streams, time, and asking for messages."""
