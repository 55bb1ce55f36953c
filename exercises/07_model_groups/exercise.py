"""Groups for a real model.

RecAdam has to be told what it may pull: the parameters that the checkpoint held. What was drawn anew has no home.
`from_pretrained(..., output_loading_info=True)` reports what happened. `loading` is such a report, with these lists:

| key | what it lists |
| --- | --- |
| `"missing_keys"` | names in the model that the file does not hold |
| `"mismatched_keys"` | `(name, shape in the file, shape in the model)`: did not fit, and was drawn anew |
| `"unexpected_keys"` | names in the file that the model does not have |

Predict, for a BERT: `bert.pooler.dense.weight` and `classifier.weight` are missing, the rest of `bert.` was loaded. The
usual line recalls all that begins with `bert.`. What does it make of these two?

Return the groups as torch's optimizers take them, a list of dictionaries, and each has three keys:

- `"params"`: a list of parameters of the model, themselves and not copies;
- `"recall"`: True if they were loaded, False if they are new. All names of a **new** parameter are missing or
  mismatched. A **tied** one has several names for one tensor; it was loaded if the file held it under any of them;
- `"weight_decay"`: `weight_decay` for parameters with two dimensions or more, 0.0 for all others (biases, norms, a
  scale that is one number).

Each parameter that trains is in exactly one group, and in it once; a tied one, too. A frozen one (`requires_grad` is
False) is in none. The report may also name buffers. The order does not matter, and a group may be empty.
"""

def model_groups(model, loading, weight_decay):
    """The groups of a model, a list of dictionaries with "params", "recall" and "weight_decay".

    Args:
        model: a `torch.nn.Module` that was loaded.
        loading: what was reported, a dictionary of lists.
        weight_decay: for the parameters that decay.
    """
    raise NotImplementedError("not written yet")
