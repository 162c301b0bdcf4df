"""Measurements of Style Tuner, run by hand: `python -m benchmarks.NAME` or `python benchmarks/NAME.py`."""
