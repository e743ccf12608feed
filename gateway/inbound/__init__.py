"""Where callers come in: HTTP and MLLP doors, and who is calling."""
