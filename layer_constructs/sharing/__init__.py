"""Who may read a layer version, for how long, and where they find it."""
