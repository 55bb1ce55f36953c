# ---
# lesson: 7
# order: 6
# goal: Sort a real model's parameters into those that are recalled and those that are new.
# minutes: 25
# difficulty: 2
# hints:
#   - |
#     Two questions decide for each tensor, and neither looks at what its name means. Is it new? The report says so.
#     Does it decay? Its shape says so. What does a name alone get wrong in each of the two?
#   - |
#     A tied tensor has two names, and `model.named_parameters()` shows it under one of them.
#     `model.named_parameters(remove_duplicate=False)` shows both. Collect all names of a tensor first:
#     `names.setdefault(p, []).append(name)` works, since a parameter is a key by its identity.
#   - |
#     `new` is the set of the missing names and of `key for key, *_ in loading["mismatched_keys"]`. A tensor is new if
#     all its names are in there. `groups.setdefault((recall, decay), []).append(p)` then sorts those that
#     `p.requires_grad`.
# explanation: |
#   The usual line gets the head right and the pooler wrong: the pooler lies inside `bert.`, and was drawn just now.
#   Recalled, it is held at random numbers, and the run trains as if nothing were wrong. What is new is a fact about a
#   file, so ask the one who read it.
#
#   Tied embeddings are the reverse. The file holds the tensor once, under one name, and the other name is reported as
#   missing. The tensor is loaded all the same. Whoever takes the report name by name leaves the whole vocabulary
#   without anchors. In two groups, torch refuses it; twice in one group, it warns, and steps twice.
#
#   A head that was trained for other labels is mismatched: it was in the file, and did not fit, so it was drawn anew.
#   And `relative_attention_bias.weight` of T5 is a table, with two dimensions. A list of words such as "bias" and
#   "LayerNorm.weight" leaves it without decay, and lets the norms of GPT-2 decay, which are called `ln_1`. The
#   library's `recall_groups` asks as you do here: which names were loaded, and how many dimensions.
# ---
r"""Groups for a real model.

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
    # solution
    names = {}
    for name, p in model.named_parameters(remove_duplicate=False):
        names.setdefault(p, []).append(name)
    new = {*loading["missing_keys"], *(key for key, *_ in loading["mismatched_keys"])}
    groups = {}
    for p, own in names.items():
        if p.requires_grad:
            recall, decay = not new.issuperset(own), weight_decay if p.ndim > 1 else 0.0
            groups.setdefault((recall, decay), []).append(p)
    return [{"params": each, "recall": recall, "weight_decay": decay} for (recall, decay), each in groups.items()]
    # end
