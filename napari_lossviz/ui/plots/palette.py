"""Colours of curves on dark ground."""

ON_DARK = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#f5f5f5")
"""The palette of Okabe and Ito, which colour-blind eyes tell apart, with white for its black and
without its darkest blue. Lighter green and vermilion would come too near to their neighbours."""
