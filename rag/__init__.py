"""World: a lore store, retrieval, and the proxy that editors talk to."""
