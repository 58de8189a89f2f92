"""Text -> requirements, each with file and line."""
