"""Recall & Learn: fine-tune pretrained language models with less forgetting.

Each idea lives in one file: ``annealing``, ``laplace``, ``fisher``, ``recadam``, ``child_tuning``. They know torch and
nothing else; ``finetune`` puts them to work on a real model.
"""

__version__ = "0.1.0"
