"""Style Tuner: train a language model on an author's own voice, write with it, and score the match.

files → Manuscript → Passage → StyleProfile → ChatExample → train.jsonl → run → endpoint → Draft → StyleScore
"""
