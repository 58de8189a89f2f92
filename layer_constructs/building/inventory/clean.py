"""Text of others -> what may be printed."""

from __future__ import annotations


def one_line(text: str) -> str:
    """The text in one line, without control characters and halves of characters."""
    words = " ".join(text.encode("utf-8", "replace").decode().split())
    return "".join(character for character in words if character.isprintable())
