"""Audio in, synthesised speech, phonemes and features."""
