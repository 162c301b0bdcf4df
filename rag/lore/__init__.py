"""What is true in the worlds: entries, their history, the manuscripts' passages, in one SQLite file."""
