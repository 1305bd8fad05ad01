"""The client of NATS, on real nodes."""
