"""Which layers a function may use: one catalog, compiled into every place that enforces it."""
