"""Dataset: from chapters to passages and chat examples."""
