"""The rounds of a run: their order, and what is measured in each."""
