"""Parts of stain translation's dock: checkpoint, training, registration, judging."""
