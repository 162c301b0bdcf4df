"""Text to vectors and the index of them; everything here can be made anew from the lore."""
