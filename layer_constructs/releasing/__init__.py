"""Where consumers find a layer version, and how long."""
