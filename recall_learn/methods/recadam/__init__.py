"""RecAdam: the optimizer, and its parts.

``update`` is the rule; ``settings``, ``anchors``, ``rows`` and ``state`` are what the optimizer keeps and checks;
``method`` is how an expression asks for it.
"""

ALGORITHMS = ("paper", "released", "coupled")
