"""Speech-driven 3D facial animation, built step by step."""

__version__ = "0.1.0"
