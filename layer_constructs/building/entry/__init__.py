"""Files of the user's own that go into a layer."""
