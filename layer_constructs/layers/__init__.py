"""The constructs: wiring only."""
