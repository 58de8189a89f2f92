"""Who may use a layer version, and for how long."""
