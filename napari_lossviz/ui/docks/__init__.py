"""One dock widget for each method."""
