"""What the dock, the command line and a cluster have in common.

`registry` names the methods, `run` runs one, `export` writes its result, `replay` computes it
again from its recipe.
"""
