"""Pages of Django's admin on a running server: connections, groups, presence; and closing one.

It is an application of its own, and does nothing until ``INSTALLED_APPS`` has it::

    INSTALLED_APPS = ["channels_bridge", "channels_bridge.admin", "django.contrib.admin", ...]

What the pages show is what ``manage.py websockets_status`` says, from the same control socket.

- ``apps``, ``models``, ``admin``, ``registration``: what Django looks for. The models have no
  tables: they give the pages their places in the admin, and their permissions.
- ``server_page``: what the pages have in common; ``running_server`` asks the server.
- ``connection_admin``, ``list_query``, ``close_form``, ``user_names``: the list of connections, and
  the page that closes one.
- ``group_admin``, ``presence_panel``: the list of groups, and one group.

It may import what finds and asks a server, ``project`` and ``server.monitoring``, and what users
call: ``connections``, ``presence``, ``exceptions``.
"""
