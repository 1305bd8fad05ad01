"""What is found in files of Python, by their syntax trees.

- ``default_settings``: the settings modules that ``asgi.py`` and ``manage.py`` name;
  ``settings_modules``: all of them; ``layer_settings``: their CHANNEL_LAYERS.
- ``app_rules``, ``layer_rules``, ``application_rules``: CB1xx, about settings.
- ``consumer_classes``: what a consumer is, and a channel layer; ``handler_rules``,
  ``layer_use_rules``, ``shared_state_rules``, ``startup_rules``, ``daphne_use_rules``: CB4xx.
- ``testing_rules``: CB5xx.
- ``literals``: edits of lists and dicts that leave the rest of the text as it is.

It may import ``model``, and ``common`` for the names that other layers have.
"""
