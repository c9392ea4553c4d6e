"""One module a format, or a family of them: bytes to Content."""
