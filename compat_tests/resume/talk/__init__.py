"""A talk whose every byte is known, on a link that ends at any of them.

``site`` is served: rooms, and a script that is said in one. ``cuttable_link`` is the link, ``page``
is who listens, over as many connections as it takes.
"""
