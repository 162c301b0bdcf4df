"""Voice: the style profile, its words, and the score."""
