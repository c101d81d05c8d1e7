"""Profiles, precedence and origin, paths, caches, safe files."""
