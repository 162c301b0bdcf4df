"""What the manuscripts themselves tell of a world: names found by rules, and sheets with quotes as evidence."""
