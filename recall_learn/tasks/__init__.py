"""What a model is fine-tuned on: texts, labels and metrics, of GLUE, other known sets, the small world, a user's files.

Where a data set comes from, how it is read and scored; nothing here trains. To name a task is light: neither torch nor
datasets is imported for it.
"""
