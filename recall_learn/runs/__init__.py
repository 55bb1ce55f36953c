"""Fine-tuning runs: asked for by a recipe, taken, recorded, kept in checkpoints; and many of them, in a grid.

Whoever trains something that is recorded does it here.
"""
