r"""Springs between weights.

For a linear layer with inputs $x$ and gradients $\delta$ at its outputs, K-FAC takes its Fisher information to be $F =
A \otimes G$, with $A = \mathbb{E}[x x^\top]$ and $G = \mathbb{E}[\delta \delta^\top]$. Here $\text{vec}$ puts the
columns of a matrix below each other. Let $\Delta$, of shape `[out, in]`, be the way of the layer's weights from
$\theta^*$. The penalty is

$$\tfrac12 \, \text{vec}(\Delta)^\top \, (A \otimes G) \, \text{vec}(\Delta).$$

Return that number, and make nothing on the way that is larger than the largest of the three matrices. Predict first: a
layer of BERT-base has 768 inputs and 768 outputs. How many bytes would $A \otimes G$ take, in float32?
"""

def kfac_quadratic(change, a, g):
    """Half of the quadratic form of A and G's Kronecker product, at a layer's change: a scalar.

    Args:
        change: the way from theta*, [out, in].
        a: the second moment of the inputs, [in, in], symmetric.
        g: that of the gradients at the outputs, [out, out], symmetric.
    """
    raise NotImplementedError("not written yet")
