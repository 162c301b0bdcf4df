"""Bringing worlds along and taking them away: lorebooks, character cards, tables and notes of other programs."""
