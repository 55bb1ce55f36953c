"""What a model has kept or lost, where in it, and what it is worth elsewhere.

Distance, source loss, facts, grammar, similarity, recovery; probes, RSA, layers at theta*; transfer and new heads: all
functions of a model and its anchors that draw no global random number and leave the model as it was.
"""
