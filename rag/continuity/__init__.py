"""A draft checked against the world: what it says of somebody or something, beside what the entries say."""
