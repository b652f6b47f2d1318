"""How networks learn meaning, one mode at a time."""
