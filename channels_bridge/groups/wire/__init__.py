"""The wire format between processes and the hub."""
