"""What keeps a model from forgetting while it trains: one file a method, on torch alone.

Optimizers and masks that work in any loop. They know no model by name, no task and no file.
"""
