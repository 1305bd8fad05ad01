"""What processes and the hub say to each other."""
