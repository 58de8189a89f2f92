"""A smaller tree by choice: what a user leaves out, what can't matter at run time, symbols that no loader reads."""
