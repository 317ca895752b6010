"""Motions as files."""
