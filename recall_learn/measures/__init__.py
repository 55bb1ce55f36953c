"""What a model has kept or lost: distance, source loss, facts, similarity, recovery; and in which layer: probes, RSA.

Functions of a model and its anchors that draw no global random number and leave the model as it was.
"""
