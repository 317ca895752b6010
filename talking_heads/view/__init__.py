"""Players, stills and plots."""
