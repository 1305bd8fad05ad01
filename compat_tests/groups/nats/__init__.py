"""Groups over NATS, on real nodes."""
