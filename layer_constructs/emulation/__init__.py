"""A function of a synthesised app, run on this machine with the layers that will be deployed."""
