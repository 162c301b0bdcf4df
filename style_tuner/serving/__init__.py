"""Serving: the model server and its client."""
