"""HTTP/2, as far as one gRPC call per connection needs it (RFC 9113, 7541): no I/O.

- ``http2_frames`` has the names of what is on the wire, writes frames, and reads them.
- ``call_headers`` writes and reads header blocks, ``grpc_messages`` puts messages together.
- ``outgoing`` has what is to be written, as far as the other side has room for it;
  ``incoming_room`` is what it may write.
- ``http2_call`` is what both sides of a call do, ``client_call`` and ``server_call`` are the two.

Both sides are written for a peer that means ill: what it may let them keep has a bound, which is
checked before anything is kept, and whatever it does, it gets a ``Violation`` and the end of the
connection. What is kept of one connection is a frame that isn't there as a whole (16 KiB), a header
block (8 KiB) and one message.

Left out, as gRPC does without: priorities, server push, the dynamic table of what is written, and
further streams, which are refused.
"""
