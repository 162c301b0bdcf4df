"""The commands of `python -m rag`, one module a part of the work; each imports only what it needs."""
