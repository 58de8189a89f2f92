"""A container engine, and work done in a container of a Lambda image."""
