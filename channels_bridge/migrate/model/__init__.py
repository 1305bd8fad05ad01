"""What rules are made of: a project's files, findings in them, and edits that end a finding.

- ``rule``: a rule, a finding of it, a finder; ``edit``: a change of a file.
- ``project``: the files that are looked at; ``listing``: which those are; ``source_file``: one,
  as text that knows how it came from bytes; ``python_file``: its syntax tree and positions.
- ``migration``: one look at a project, and the files as they would be; ``ignore_comments``: what
  is meant as it is.
- ``migrate_options``: what the command line and pyproject.toml ask for.

It imports nothing of the package.
"""
