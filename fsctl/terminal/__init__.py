"""The screen: formats, tables, sanitising."""
