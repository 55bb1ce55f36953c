"""A small BERT with a method that asks for its source: begun, trained, stopped and gone on."""

from ways import NEW, batched, bert, rows, source_of, weights

from recall_learn import compose

BATCH = batched(rows(4))


def begun(expression, model=None, **given):
    """A model and the methods at work on it."""
    model = bert() if model is None else model
    given = {"lr": 1e-3, "new": NEW} | given
    return model, compose(
        expression, model.train(), **given, **({} if "source" in given else {"source": source_of(model)})
    )


def trained(model, composed, steps=3):
    """The weights after some steps on the one batch."""
    for _ in range(steps):
        composed.loss(model(**BATCH), BATCH).backward()
        composed.optimizer.step()
        composed.optimizer.zero_grad()
    return weights(model)


def gone_on(expression, done, more):
    """The weights of a run that was stopped after so many steps, and went on for as many more in another process."""
    first, stopped = begun(expression)
    trained(first, stopped, done)
    second, resumed = begun(expression)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(stopped.state_dict())
    resumed.optimizer.load_state_dict(stopped.optimizer.state_dict())
    return trained(second, resumed, more)
