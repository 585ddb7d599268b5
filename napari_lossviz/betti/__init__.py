"""Betti matching (arXiv 2211.15272, 2407.04683)."""
