"""What keeps a model from forgetting while it trains, on torch alone: one file, or one folder, a method.

Optimizers and masks that work in any loop by themselves. They know no model by name, no task and no file.
"""
