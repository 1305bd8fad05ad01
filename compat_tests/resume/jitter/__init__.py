"""What clients on a bad network get of what is said in a group, on several servers side by side.

``profile`` says how bad the network and the server are. ``contestants`` are the servers, each with
the protocol that its clients speak (``speakers``) and what is broken of it (``harm``). ``page`` is
one client, ``arrivals`` what it got and what that is worth, ``trial`` one server under one profile.
``figures`` makes tables of it.

``python -m compat_tests.resume.jitter`` is the command.
"""
