"""Network layers that the systems share."""
