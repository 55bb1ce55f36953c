"""The mathematics, on torch alone: schedules, anchors, Fisher information, Laplace, and the derivation in numbers.

A formula belongs here that holds for any model; what acts in a training step is a method.
"""
