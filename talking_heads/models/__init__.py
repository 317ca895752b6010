"""The systems that turn speech into motion."""
