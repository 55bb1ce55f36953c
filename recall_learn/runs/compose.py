"""Methods in a training loop of one's own: what ``compose`` puts together, and the steps that it takes for that.

`recall_learn.runs.recall_trainer` takes the same steps for a ``transformers.Trainer``.
"""

from collections.abc import Callable, Iterable, Mapping

from torch import Tensor, nn

from recall_learn.methods import METHODS, Method
from recall_learn.methods.composed import Composed
from recall_learn.methods.expression import EXAMPLE, joined, names, parse
from recall_learn.methods.method import Groups, Start
from recall_learn.methods.source import Source
from recall_learn.models.added import note_added
from recall_learn.models.recalled import New, not_wrapped, pretrained_parameters, recall_groups
from recall_learn.support.checks import number, shown, whole
from recall_learn.theory.anchors import check_names, trainable

Expression = str | Method | Iterable[Method]
FisherOf = Callable[[str], Mapping[str, Tensor]]
FisherGiven = Mapping[str, Tensor] | Mapping[str, Mapping[str, Tensor]] | FisherOf | None
SOURCE, HEAD = "source data", "source head"
"""What methods need that ask for `recall_learn.methods.source.Source`: all of it, or all but its texts."""
KINDS = ("source", "task")
"""Whose Fisher information a method may ask for."""


def compose(
    expression: Expression,
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float = 0.0,
    anchors: Mapping[str, Tensor] | None = None,
    new: New | None = None,
    fisher: FisherGiven = None,
    source: Source | None = None,
    seed: int = 0,
) -> Composed:
    """Put methods to work on a model, for a training loop of one's own.

    All of it::

        composed = compose("recadam(k=0.05) + child-f", model, lr=2e-5)
        for batch in DataLoader(data, batch_size=16, shuffle=True):
            loss = composed.loss(model(**batch), batch)
            loss.backward()
            composed.optimizer.step()
            composed.optimizer.zero_grad()

    The optimizer is a torch optimizer: clip before its step, put a schedule on it. ``composed.set(k=0.2)`` changes a
    live setting. Over n batches that are accumulated, divide each loss by n. What a run needs to go on is the state of
    the model, of ``composed.optimizer`` and of ``composed``; compose before they are loaded, or give ``anchors``.

    Args:
        expression: ``"recadam(k=0.05) + child-d"``, a method, or several. Settings that nobody gives follow from
            ``lr`` or are the method's own.
        model: as it starts, on the device where it will train, and not wrapped. Methods may freeze some of it.
        lr: the highest learning rate.
        weight_decay: for every weight matrix.
        anchors: theta*, ``name -> tensor``, of exactly what is recalled, as `recall_learn.load_anchors` gives it; None
            takes the model as it is, of what ``from_pretrained`` filled.
        new: what is new in the model, as in `recall_learn.recall_groups`.
        fisher: the Fisher information at theta*, for methods that need one: ``name -> tensor`` as
            `recall_learn.fisher_diagonal` gives it; ``{"source": ..., "task": ...}``; or a function of the word
            "source" or "task" that gives it.
        source: what the model was pretrained to do and data for it, for methods that go on with it.
        seed: of the methods' own random numbers.

    Raises:
        ValueError: an argument is wrong, what a method needs is missing, or it cannot be told what is pretrained.
    """
    methods = methods_of(expression)
    decay = number("weight_decay", weight_decay, lambda x: x >= 0, "a number of at least 0")
    start = begun(methods, model, lr=lr, anchors=anchors, new=new, fisher=fisher, source=source, seed=seed)
    return put_together(methods, start, groups_of(start, decay))


def methods_of(expression: Expression) -> tuple[Method, ...]:
    """The methods that an argument stands for.

    Raises:
        ValueError: it is no expression, or its methods do not go together.
    """
    if isinstance(expression, Method):
        return (expression,)
    if isinstance(expression, str) or not isinstance(expression, Iterable):
        return parse(expression, METHODS)
    given = list(expression)
    wrong = [each for each in given if not isinstance(each, Method)]
    if wrong:
        raise ValueError(f"method holds {shown(wrong[0])}; it has to be text, as in {EXAMPLE!r}, or methods")
    return joined(given, METHODS)


def begun(
    methods: tuple[Method, ...],
    model: nn.Module,
    *,
    lr: float,
    anchors: Mapping[str, Tensor] | None = None,
    new: New | None = None,
    fisher: FisherGiven = None,
    source: Source | Callable[[], Source] | None = None,
    seed: int = 0,
) -> Start:
    """Make a model ready, and say what it starts from, as `compose` is asked; a function may make the source."""
    lr = number("lr", lr, lambda x: x > 0, "a number above 0")
    seed = whole("seed", seed, 0)
    giver, data = fisher_of(methods, fisher), _source_of(methods, source, model)
    before = dict(not_wrapped(model).named_parameters()) if methods else {}
    still = any(method.freezes for method in methods)
    theta = _frozen(before, model, anchors, new) if still else {}
    fresh = {name for method in methods for name in method.prepare(model, seed)}
    note_added(methods, model)
    frozen = {name: p.detach() for name, p in before.items() if not p.requires_grad}
    if still:
        home = {name: theta[p] for name, p in trainable(model).items() if p in theta}
    else:
        home = home_of(methods, model, anchors, new)
    return Start(model, {name: home[name] for name in home if name not in fresh}, lr, seed, giver, data, frozen)


def _frozen(
    parameters: Mapping[str, nn.Parameter], model: nn.Module, anchors: Mapping[str, Tensor] | None, new: New | None
) -> dict[nn.Parameter, Tensor]:
    """Freeze all that was pretrained; what it was."""
    if anchors is None:
        theta = {p: p.detach().clone() for p in pretrained_parameters(model, new).values()}
    else:
        check_names({name: parameters[name] for name in anchors if name in parameters}, anchors, "anchors")
        theta = {parameters[name]: tensor.to(parameters[name].device) for name, tensor in anchors.items()}
    for p in theta:
        p.requires_grad_(False)
    return theta


def home_of(
    methods: tuple[Method, ...], model: nn.Module, anchors: Mapping[str, Tensor] | None = None, new: New | None = None
) -> dict[str, Tensor]:
    """Theta*: of all that was pretrained and trains, ``name -> tensor``, on the model's device.

    Raises:
        ValueError: it cannot be told what was pretrained; or nothing of it trains, and a method would pull it.
    """
    if not methods:
        return {}  # nobody asks
    train, pulled = trainable(model), any(method.slot == "pull" for method in methods)
    if pulled or (anchors is not None and not _rests(anchors, model)):
        recall_groups(model, new=new, anchors=anchors)  # refuses what does not fit
    if anchors is not None:
        given = {name: anchors[name] for name in train if name in anchors}
        check_names({name: train[name] for name in given}, given, "anchors")
        return {name: tensor.detach().to(train[name].device, copy=True) for name, tensor in given.items()}
    held = pretrained_parameters(model, new)
    return {name: p.detach().clone() for name, p in train.items() if name in held}


def _rests(anchors: Mapping[str, Tensor], model: nn.Module) -> bool:
    """Whether all that is named is in the model, and nothing of it trains."""
    names = dict(model.named_parameters()).keys()
    return isinstance(anchors, Mapping) and anchors.keys() <= names and trainable(model).keys().isdisjoint(anchors)


def groups_of(start: Start, weight_decay: float) -> Groups:
    """The parameter groups of a start, as `recall_learn.recall_groups` makes them."""
    if start.anchors:
        return recall_groups(start.model, weight_decay, anchors=start.anchors)
    matrices: dict[bool, list] = {}
    for name, p in trainable(start.model).items():
        matrices.setdefault(p.ndim > 1, []).append((name, p))
    if not matrices:
        raise ValueError(f"{type(start.model).__name__} has no parameter that requires a gradient; unfreeze some")
    return [
        {"params": named, "recall": False, "weight_decay": weight_decay if matrix else 0.0}
        for matrix, named in matrices.items()
    ]


def put_together(
    methods: tuple[Method, ...],
    start: Start,
    groups: Groups,
    fused: bool | None = True,
    beside: tuple[Method, ...] = (),
) -> Composed:
    """The methods at work, with a value for every setting; see `Composed`."""
    return Composed([method.resolved(start.lr) for method in methods], start, groups, fused, beside)


def fisher_of(methods: tuple[Method, ...], given: FisherGiven) -> FisherOf | None:
    """What gives the Fisher information that methods ask for; None where they ask for none.

    Raises:
        ValueError: it is not given, is no Fisher, or is one for two that differ.
    """
    asked = {kind: method for method in methods for kind in KINDS if f"{kind} fisher" in method.needs}
    if not asked:
        return None
    if callable(given):
        return lambda kind: _complete(kind, given(kind))
    if given is not None and (not isinstance(given, Mapping) or not given):
        raise ValueError(f"fisher is {shown(given)}; it has to be name -> tensor, as fisher_diagonal gives it")
    by_kind = given if given is not None and set(given) <= set(KINDS) else None
    if by_kind is None and given is not None and len(asked) > 1:
        raise ValueError(
            f"{names(methods)} needs the Fisher information of the source and of the task; give both, "
            f'as in fisher={{"source": ..., "task": ...}}'
        )
    for kind, method in asked.items():
        if given is None or (by_kind is not None and kind not in by_kind):
            raise ValueError(
                f"{method.name} needs the Fisher information of the {kind}; make it with "
                f'fisher_diagonal(model, batches), and pass it as fisher={{"{kind}": ...}}'
            )
    return lambda kind: _complete(kind, given if by_kind is None else by_kind[kind])


def _source_of(
    methods: tuple[Method, ...], given: Source | Callable[[], Source] | None, model: nn.Module
) -> Callable[[], Source] | None:
    """What gives the source that methods ask for; None where they ask for none.

    Raises:
        ValueError: it is not given, is no source, or lacks the texts that a method needs.
    """
    data = next((method for method in methods if SOURCE in method.needs), None)
    asked = data or next((method for method in methods if HEAD in method.needs), None)
    if asked is None:
        return None
    if given is None:
        raise ValueError(
            f"{asked.name} needs what the model was pretrained to do; make it with "
            "recall_learn.text_source(checkpoint, model, tokenizer, text), and pass it as source=..."
        )
    if isinstance(given, Source):
        if data is not None and given.batches is None:
            raise ValueError(f"{data.name} needs the source's texts; give the source batches, n -> (inputs, words)")
        given.masked_lm.to(next(model.parameters()).device)  # its head; the encoder went there with the model
        return lambda: given
    if not callable(given):
        raise ValueError(f"source is {shown(given)}; it has to be a recall_learn.Source")
    return given


class _Fisher(dict):
    """That says in words which name it lacks."""

    def __missing__(self, name: str) -> Tensor:
        raise ValueError(f"fisher lacks {name!r}; it has to be of this model, as fisher_diagonal(model, batches) is")


def _complete(kind: str, given: object) -> Mapping[str, Tensor]:
    if not isinstance(given, Mapping):
        raise ValueError(f"fisher of the {kind} is {shown(given)}; it has to be name -> tensor")
    return _Fisher(given)
