"""The report of a run: figures of all rounds put together, as JSON, tables or SVG."""
