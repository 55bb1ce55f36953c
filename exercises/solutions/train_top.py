# ---
# lesson: 12
# order: 4
# goal: Train the top of a model, and leave all below it to the bit.
# minutes: 15
# difficulty: 2
# hints:
#   - |
#     Do not say what trains, say what is frozen: then whatever was frozen before stays so. Which parameters are that,
#     for a `count` of all layers, and for 0?
#   - |
#     `model.layers[:-count]` is right for 1, 2, 3, and wrong for 0: `-0` is 0, and `[:0]` is empty. Count from the
#     bottom, `len(model.layers) - count`.
#   - |
#     After the freezing, what trains is `{name: p for name, p in model.named_parameters() if p.requires_grad}`, which
#     has a tied tensor once. The share is a quotient of two sums of `p.numel()`.
# explanation: |
#   The prediction: $3 \cdot 7.1 + 0.6$ of 109.6 million weights train, a fifth. Lee et al. (2019) find that a quarter
#   of the layers reaches nine tenths of the quality. So Top-K is the rival that costs nothing: below layer $L - K + 1$
#   nothing moves, and a step is faster than one of plain fine-tuning. A method that is dearer has to beat it.
#
#   A frozen parameter is not always still. It gets no new gradient, but an optimizer that holds it goes on with an old
#   one that was left there, and takes its decay; RecAdam would pull it. So nothing frozen is in the list. And what
#   shares its tensor with something below is below: where the head's weight is that of the embeddings, to
#   unfreeze the head is to unfreeze the embeddings.
# ---
r"""Only the top.

Top-K is the simplest way not to forget: train the uppermost layers and the head, and freeze all that is below. Predict
first, for a BERT-base with 23.8 million weights in its embeddings, 7.1 million in each of its 12 layers and 0.6 million
behind them: what share of its weights trains with the uppermost 3 layers?

`model` has these parts, from the bottom to the top:

| part | what it is |
| --- | --- |
| `model.embeddings` | a module |
| `model.layers` | an `nn.ModuleList`, the lowest layer first |
| `model.norm`, `model.head` | modules |

Set `requires_grad` to False for all parameters below the uppermost `count` layers. What is frozen already stays frozen,
wherever it is. A tensor may have two names, in a part below and in one above: then it is below. Values and gradients
stay as they are. Return two things:

- the names of what an optimizer gets, a list: each parameter that trains, once, as `model.named_parameters()` names
  it, and no frozen one (an old gradient may be left in it, and an optimizer would go on with that);
- their share of the model's **weights**: the number of entries that train, divided by the number of all. A tensor with
  two names counts once.
"""


def train_top(model, count):
    """Freeze all below the top; the names of what trains, and its share: ``(names, share)``.

    Args:
        model: a `torch.nn.Module` with `embeddings`, `layers`, `norm` and `head`.
        count: how many of the uppermost layers train, from 0 to all.
    """
    # solution
    lower = model.layers[: len(model.layers) - count]
    for part in (model.embeddings, *lower):
        part.requires_grad_(False)
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return list(trained), sum(p.numel() for p in trained.values()) / sum(p.numel() for p in model.parameters())
    # end
