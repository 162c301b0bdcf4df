"""What a score is held against: kind of text, copying, repetition, stock phrases."""
