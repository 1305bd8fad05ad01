"""HTTP/2 of one call, without a socket: what each side writes, and what it makes of the other."""
