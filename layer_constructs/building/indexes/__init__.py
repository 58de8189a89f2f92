"""Package indexes: their URLs and credentials, what they offer, how they fail."""
