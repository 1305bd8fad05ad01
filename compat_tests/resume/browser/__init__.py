"""``resumable.js`` in Chromium, against servers that run."""
