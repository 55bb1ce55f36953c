"""Only the top.

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
    raise NotImplementedError("not written yet")
