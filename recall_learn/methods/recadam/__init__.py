"""RecAdam: the optimizer, and its parts.

``update`` is the rule; ``settings``, ``anchors``, ``rows`` and ``state`` are what the optimizer keeps and checks.
"""
