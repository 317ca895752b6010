"""Exercises, progress and notebook tools."""
