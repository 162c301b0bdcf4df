"""The commands of `python -m style_tuner`, one module a part of the work; each imports only what its stage needs."""
