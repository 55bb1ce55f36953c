# ---
# lesson: 11
# order: 3
# goal: Take the penalty of a Kronecker product without ever making the product.
# minutes: 20
# difficulty: 2
# hints:
#   - |
#     Write $F \, \text{vec}(\Delta)$ for two inputs and two outputs. Which matrix times $\Delta$ times which matrix is
#     it? Look at the shapes: only one order fits.
#   - |
#     $(A \otimes G) \, \text{vec}(\Delta)$ is $\text{vec}(G \Delta A)$, as A is symmetric. What is left is a product of
#     vectors: multiply entry by entry, and add.
#   - |
#     `0.5 * (change * (g @ change @ a)).sum()`, which is half of the trace of $\Delta^\top G \Delta A$.
# explanation: |
#   The prediction: $768^2$ is 589,824 weights, and the matrix has the square of that, $3.5 \cdot 10^{11}$ entries. In
#   four bytes each that is 1.4 TB. The two factors have $768^2$ entries each, 4.7 MB together. This is why K-FAC is
#   used at all: a layer's penalty takes two products of matrices, whatever the batch.
#
#   The identity is $(A \otimes G) \, \text{vec}(\Delta) = \text{vec}(G \Delta A^\top)$, where vec puts one *column*
#   below the other. torch and NumPy flatten row after row. So `kron(a, g)` with `change.flatten()` pairs the input
#   factor with outputs: the shapes fit, the number is finite, and it is wrong. Row after row it is `kron(g, a)`.
#
#   What the diagonal of the same matrix would give is $\frac12 \sum_{ij} G_{ii} A_{jj} \Delta_{ij}^2$. Whoever writes
#   that has EWC again, with a worse diagonal.
# ---
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
    # solution
    return 0.5 * (change * (g @ change @ a)).sum()
    # end
