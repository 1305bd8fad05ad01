"""What the migration tool finds in public projects: facts, and none of their text.

``expected.json`` has the projects, each with its commit, findings as rule, path and line, and edits
as path, first line and the numbers of lines that go and come. ``test_projects`` compares it with
checkouts that the environment names; ``record`` writes it anew, to be read as a diff.
"""
