"""What must hold for a function that uses a layer of ours: pure, over templates and the assets on disk."""
