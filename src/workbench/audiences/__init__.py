"""Who may see what of a run: reviewers the values, everybody else none, and on paper."""
