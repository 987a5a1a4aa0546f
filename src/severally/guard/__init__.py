"""Who will see which address? Asked of final bytes; seals or refuses. No switch turns it off."""
