"""Requirements + a runtime -> exact wheels, and the file that keeps them."""
