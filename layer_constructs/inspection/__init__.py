"""A finished layer is looked at: anyone's, without running any of it."""
