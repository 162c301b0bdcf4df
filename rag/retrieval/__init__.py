"""From a request to the entries that it needs, within the room for lore, with the reasons."""
