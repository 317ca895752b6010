"""Clips of speech with motion, and the course corpus."""
