"""The live lab: controls on a fine-tuning that is running, in a notebook or a page; and the explorer of recorded runs.

What a control reaches to is not said here: a method's settings say it, see `recall_learn.methods`.
"""
