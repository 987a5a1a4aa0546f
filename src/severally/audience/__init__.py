"""A CSV file -> checked, deduplicated, frozen recipients; every rejected row with its reason."""
