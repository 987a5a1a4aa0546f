"""The nouns that cross rooms. Frozen; imports nothing of ours."""
