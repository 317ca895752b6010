"""How good a motion is."""
