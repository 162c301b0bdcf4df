"""What is counted and measured in a text."""
