"""What is printed: a text for people, and forms for programs.

- ``text_report``, ``json_report``, ``sarif_report``, ``github_report``; ``file_diff``: the changes.
- ``guide_links``: where a rule's row of the guide is.

It may import ``model``.
"""
