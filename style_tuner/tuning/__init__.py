"""Tuning: train, merge and check models."""
