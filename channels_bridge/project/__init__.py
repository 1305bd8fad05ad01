"""A Django project, seen from the processes that serve it.

In a worker:

- ``entry``, ``asgi_application``: the application that settings name, imported as it expects.
- ``settings_snapshot``: settings of the process that started the server, taken over.
- ``route_hints``: what is wrong with its routes.
- ``rejected_origins``, ``figures``, ``handler_report``, ``autoreload``: what a worker adds to the
  application, and says of itself.

In the command and the supervisor:

- ``options``: options, and the configuration that they make.
- ``advice``: warnings and checks about what may surprise.
- ``console_log``, ``own_status``: access lines of ``runserver``, and its status.
- ``foreign``: answers to options of other servers.
- ``supervisor_process``, ``supervisor_program``: the supervisor, and how the command becomes it.
- ``hubs``, ``hub_program``: hubs that the project's channel layers need, and a hub's process.
- ``control_client``, ``group_metrics``: the control socket's path, metrics of channel layers.

Elsewhere: ``live_test_hook``, when Django loads the application.

It may import whatever serves a project, but neither commands nor what users import only.
"""
