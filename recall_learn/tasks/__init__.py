"""What a model is fine-tuned on: texts, labels and metrics, of GLUE and of the small world.

Where a data set comes from, how it is read and scored; nothing here trains.
"""
