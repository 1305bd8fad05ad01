"""Serves the pages alone, in a process of their own, as gunicorn beside a server does."""

import os
from wsgiref.simple_server import make_server

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "desk.settings")
server = make_server("127.0.0.1", 0, get_wsgi_application())
print(f"Listening at http://127.0.0.1:{server.server_port}/", flush=True)
server.serve_forever()
