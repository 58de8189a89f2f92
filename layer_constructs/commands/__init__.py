"""The commands that show something, each in a module of its own so that it is read only when it is used."""
