"""The look at an answer, on an exercise made for it: what is right passes, and what is wrong is told apart."""

import pytest
import torch

from recall_learn.practice import check, examine, looking
from recall_learn.practice.exercise import everything, named, read


def test_a_right_answer_passes_in_any_kind_and_precision(adding):
    for answer in (
        lambda a, b: a + b,
        lambda a, b: (a + b).float(),
        lambda a, b: (a + b).numpy(),
        lambda a, b: (a + b).tolist(),
        lambda x, y: [torch.tensor(each) for each in (x + y).tolist()],
        lambda a, b, scale=1: (a + b) * scale,
        lambda *both: sum(both),
    ):
        assert examine(adding, answer), examine(adding, answer)


def test_the_cases_are_drawn_anew(adding):
    seen = []
    for _ in range(2):
        examine(adding, lambda a, b: seen.append(a[0].item()) or a + b)
    assert len(set(seen)) == len(seen)


def test_a_known_mistake_is_named_with_its_numbers(adding, says):
    text = says(adding, lambda a, b: a - b)
    assert "you subtract, which is" in text
    assert "there are 3 numbers" in text
    assert "In the case a = [" in text


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda a, b: None, "is there a `return`?"),
        (lambda a, b: (a + b)[:-1], "has shape [2]; it has to be [3]"),
        (lambda a, b: "sum", "is a string; it has to be an array of shape [3]"),
        (lambda a, b: {"sum": a + b}, "is a dict"),
        (lambda a, b: -(a + b), "wrong sign"),
        (lambda a, b: 3 * (a + b), "3 times the right one"),
        (lambda a, b: (a + b) * len(a), "size (3 in the first case) times the right one"),
        (lambda a, b: (a + b) / len(a), "1 / size (3 in the first case) times the right one"),
        (lambda a, b: (a + b) * torch.nan, "nan"),
        (lambda a, b: a, "a + b has to be b + a"),
        (lambda a, b: a * b, "it has to be ["),
        (lambda a: a, "it takes (a), and is called with (a, b)"),
        (lambda: 0, "it takes (nothing)"),
        (3, "without brackets after it"),
        (lambda a, b: a.add_(b), "changes its argument `a` in place (its numbers)"),
        (lambda a, b: a @ torch.ones(2, 2), "RuntimeError"),
        (lambda a, b: exit(), "tried to end Python"),
        (lambda a, b: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda a, b: np.add(a, b), "NameError: name 'np' is not defined. Is `import numpy as np` missing?\n"),  # noqa: F821
        (lambda a, b: numpy.add(a, b), "NameError: name 'numpy' is not defined\n"),  # noqa: F821
    ],
)
def test_what_is_wrong_is_said(adding, says, answer, message):
    assert message in says(adding, answer)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    ("answer", "message"), [(lambda a, b: a - b, "you subtract"), (torch.minimum, "is [1, 1]; it has to be [inf, 2]")]
)
def test_infinity_may_be_right(adding, says, answer, message):
    first = "[case(torch.tensor([torch.inf, 1.0]), torch.ones(2), size=2)] + [case("
    check = adding.path.parents[1] / "checks" / "adds.py"
    check.write_text(check.read_text().replace("[case(", first))
    assert message in says(adding, answer)


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(ValueError, match="did you mean fisher_empirical"):
        named("fisher_empircal")
    with pytest.raises(ValueError, match="list` names all"):
        named("../x")


def test_a_solution_without_a_head_or_a_place_to_write_is_refused(tmp_path, adding):
    solution = adding.path.read_text()
    (tmp_path / "a.py").write_text("def a():\n    return 1\n")
    with pytest.raises(ValueError, match="has no head"):
        read(tmp_path / "a.py")
    (tmp_path / "a.py").write_text(solution.replace("# order: 1\n", ""))
    with pytest.raises(ValueError, match="it has to set"):
        read(tmp_path / "a.py")
    (tmp_path / "a.py").write_text(solution.replace("# order: 1\n", "# order: 1\n# page: sometimes\n"))
    with pytest.raises(ValueError, match="page 'sometimes' in its head; it has to be true or false"):
        read(tmp_path / "a.py")
    (tmp_path / "a.py").write_text(solution.replace("    # end\n", ""))
    with pytest.raises(ValueError, match="nothing to write"):
        read(tmp_path / "a.py")


def test_the_exercises_follow_the_lessons():
    order = [(each.lesson, each.order) for each in everything()]
    assert order == sorted(order)
    assert len(set(order)) == len(order)


def test_a_law_s_message_shows_the_case_and_what_came(adding, says):
    text = says(adding, lambda a, b: a)
    assert "a + b has to be b + a" in text
    assert "And in a random case a = [" in text
    assert "your result is [" in text


def test_lists_and_dictionaries_of_a_case_are_shown():
    shown = looking._short({"said": ["Fenrik", "Corve"], "n": 3})
    assert shown == "{'said': ['Fenrik', 'Corve'], 'n': 3}"
    assert looking._short(list("abcdef")) == "['a', 'b', 'c', 'd', ...]"
    assert looking._short(torch.ones(2, 3)) == "[1, 1, 1, 1, ...] of shape [2, 3]"


def test_each_argument_of_a_case_is_shown_and_a_record_whole(adding, says):
    path = adding.path.parents[1] / "checks" / "adds.py"
    several = """

def cases(rng):
    weights = {f"layer.{i}.attention.output.weight": torch.ones(2, 3) for i in range(9)}
    return [case(weights, [dict(k=1, t0=100, seed=i, score=0.5, loss=2.5) for i in range(9)])]

def reference(a, b):
    return 1.0

LAWS = []
"""
    path.write_text(path.read_text() + several)
    text = says(read(adding.path), lambda a, b: 2.0).splitlines()[-1]
    assert len(text) < looking.SHOWN + 20
    assert "a = {'layer.0.attention.output.weight': [1, 1, 1, 1, ...] of shape [2, 3], " in text
    assert ", ...}, b = [{'k': 1, 't0': 100, 'seed': 0, 'score': 0.5, 'loss': 2.5}, " in text
    path.write_text(path.read_text() + "\n\ndef shown(a, b):\n    return 'made(9)'\n")
    assert says(read(adding.path), lambda a, b: 2.0).endswith("In the case made(9)")
    path.write_text(path.read_text() + "\n\nLAWS = [lambda answer, rng: wrong('of made(9) it is no sum')]\n")
    assert "In the case" not in says(read(adding.path), lambda a, b: 2.0)  # what was said names it


def test_what_a_check_knows_of_an_error_is_said_where_it_holds(adding, says):
    path = adding.path.parents[1] / "checks" / "adds.py"
    known = """

RAISED = {"ZeroDivisionError": lambda says, a, b: f"{says}: here are {len(a)} numbers." if len(a) == 5 else ""}
"""
    path.write_text(path.read_text() + known)

    def adds(a, b):
        return a + b if len(a) == 3 else 1 / 0

    def reads(a, b):
        return a + b if len(a) == 3 else a[9]

    text = says(read(adding.path), adds)
    assert "\n  ZeroDivisionError: division by zero: here are 5 numbers.\n  In the case a = [" in text
    assert "here are" not in says(read(adding.path), reads)
    path.write_text(path.read_text().replace("len(a) == 5", "len(a) == 4"))
    assert "here are" not in says(read(adding.path), adds)


def test_an_error_in_a_law_is_shown_with_the_law_s_arguments(adding, says):
    path = adding.path.parents[1] / "checks" / "adds.py"
    law = "def of_nothing(answer, rng):\n    answer(torch.zeros(1), torch.zeros(1))\n\nLAWS = [of_nothing]\n"
    path.write_text(f"{path.read_text()}\n\n{law}")
    for answer in (lambda a, b: a + b + 0 * (1 / a.sum().item()), lambda a, b: a * b * (1 / a.sum().item())):
        text = says(read(adding.path), answer)
        assert "ZeroDivisionError" in text
        assert text.endswith("In the case a = 0 of shape [1], b = 0 of shape [1]")


def test_a_mistake_that_explains_one_wrong_case_and_not_the_right_ones_is_not_named(adding, says):
    path = adding.path.parents[1] / "checks" / "adds.py"
    path.write_text(path.read_text().replace("lambda a, b: a - b)", "lambda a, b: a * 0)"))

    def adds(a, b):
        return a + b if len(a) == 3 else a * 0

    assert "you subtract" not in says(read(adding.path), adds)


def test_a_number_may_come_as_an_array_and_what_a_law_cannot_read_is_told(adding, says):
    path = adding.path.parents[1] / "checks" / "adds.py"
    of_one = path.read_text().replace("(3, 5)", "(1, 1)")
    path.write_text(
        of_one + "\n\ndef reads(answer, rng):\n    float(answer(torch.ones(1), torch.ones(1)))\n\nLAWS = [reads]\n"
    )
    assert examine(read(adding.path), lambda a, b: (a + b).numpy()[:, None])
    assert examine(read(adding.path), lambda a, b: [(a + b).item()])
    law = "def reads(answer, rng):\n    answer(torch.ones(1), torch.ones(1)).keys()"
    path.write_text(f"{of_one}\n\n{law}\n\nLAWS = [reads]\n")
    assert "a law cannot read your result (" in says(read(adding.path), lambda a, b: a + b)
    assert "it has to be" in says(read(adding.path), lambda a, b: [7.0])  # the difference says more


MEETING = """

def cases(rng):
    return [case(torch.tensor(a), torch.tensor(b), size=3) for a, b in (
        ([1.0, 2.0, 3.0], [4.0, 5.0, 7.0]),
        ([-1.0, 2.0, 3.0], [4.0, 5.0, 7.0]),
        ([1.0, 2.0, 3.0], [4.0, 5.0, 700.0]),
        ([1.0, 2.0, 4.0], [4.0, 5.0, 8.0]),
        ([-2.0, 2.0, 3.0], [4.0, 5.0, 9.0]),
        ([-2.0, 2.0, 3.0], [4.0, 5.0, 900.0]),
    )]

MISTAKES = [
    Mistake("a negative a counts as 0.", lambda a, b: a.clamp(min=0) + b),
    Mistake("b is cut off at 100.", lambda a, b: a + b.clamp(max=100)),
    Mistake("you subtract.", lambda a, b: a - b),
]
LAWS = []
"""


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda a, b: a.clamp(min=0) + b, "adds: a negative a counts as 0."),
        (lambda a, b: a.clamp(min=0) + b.clamp(max=100), "adds: a negative a counts as 0. And: b is cut off at 100."),
        (lambda a, b: 2 * (a - b), "you subtract. And that is not all: your result is 2 times what that gives"),
        (lambda a, b: a.clamp(min=0) + (b if b[2] < 800 else 0 * b), "counts as 0. And that is not all: your result"),
        (
            lambda a, b: a.mul_(-1) and 0 if len(a) == 1 else a.clamp_(min=0) + b,
            "counts as 0. And your function changes",
        ),
        (lambda a, b: a.mul_(1.5) + b, "adds: your function changes its argument `a` in place"),
    ],
)
def test_where_two_mistakes_meet_both_are_told(adding, says, answer, message):
    path = adding.path.parents[1] / "checks" / "adds.py"
    path.write_text(path.read_text() + MEETING)
    assert message in says(read(adding.path), answer)


def test_a_mistake_that_no_right_case_contradicts_is_named_before_others(adding, says):
    path = adding.path.parents[1] / "checks" / "adds.py"
    first = 'Mistake("a is cut off at 0 and 3.5.", lambda a, b: a.clamp(0, 3.5) + b),\n    Mistake("a negative'
    path.write_text(path.read_text() + MEETING.replace('Mistake("a negative', first))
    clamped = read(adding.path)
    assert "adds: a negative a counts as 0." in says(clamped, lambda a, b: a.clamp(min=0) + b)
    sometimes = says(clamped, lambda a, b: (a.clamp(0, 3.5) if b[2] < 8.5 else a) + b)
    assert "adds: a is cut off at 0 and 3.5" in sometimes


def test_play_may_complain_and_watch_what_is_no_value(adding, says):
    path = adding.path.parents[1] / "checks" / "adds.py"
    watching = """

def model(size):
    return torch.nn.Linear(size, 1)

def cases(rng):
    return [case(built(model, n), torch.ones(n)) for n in (2, 3)]

def reference(model, x):
    return model(x).item()

def play(entry, model, x, asked=""):
    got = entry(model, x)
    if model.training and asked:
        wrong("it is in train mode")
    return got

MISTAKES = []
LAWS = [lambda answer, rng: answer(built(model, 2), torch.ones(2), "the mode")]
"""
    path.write_text(path.read_text().replace("import Mistake,", "import Mistake, built,") + watching)
    assert "it is in train mode" in says(read(adding.path), lambda model, x: model(x))
    evals = "changes its argument `model` in place (its mode (train or eval))"
    assert evals in says(read(adding.path), lambda model, x: model.eval()(x))

    def leaves(what):
        def adds(model, x):
            what(model)
            return model(x)

        return adds

    for message, what in {
        "its weights": lambda model: torch.nn.init.zeros_(model.weight),
        "`torch.autograd.grad` leaves alone": lambda model: model(torch.ones(model.in_features)).backward(),
        "its hooks": lambda model: model.register_forward_hook(lambda *_: None) and None,
        "requires_grad of its weights": lambda model: model.requires_grad_(False),
    }.items():
        assert message in says(read(adding.path), leaves(what))


def test_a_check_that_hands_on_what_is_no_value_is_at_fault_and_not_the_answer(adding):
    path = adding.path.parents[1] / "checks" / "adds.py"
    path.write_text(path.read_text() + "\n\ndef strange(answer, rng):\n    answer(object(), 1)\n\nLAWS = [strange]\n")
    with pytest.raises(TypeError, match="a object is no plain value"):
        examine(read(adding.path), lambda a, b: a + b)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((len, "pull"), r'check\("pull", len\)'),
        ((len, len), r'check\("len", \.\.\.\)'),
        ((3, "pull"), r'the function itself after it: check\("pull", \.\.\.\)'),
    ],
)
def test_arguments_in_the_wrong_order_are_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        check(*arguments)


def test_a_result_that_is_no_number_passes_no_law(adding, says):
    path = adding.path.parents[1] / "checks" / "adds.py"
    law = "def is_small(answer, rng):\n    if answer(torch.zeros(1), torch.zeros(1)).max() > 1:\n        wrong('large')"
    path.write_text(f"{path.read_text()}\n\n{law}\n\nLAWS = [is_small]\n")
    text = says(read(adding.path), lambda a, b: a + b if len(a) > 1 else a * torch.nan)
    assert "holds a nan" in text
    assert text.endswith("In the case a = 0 of shape [1], b = 0 of shape [1]")
    text = says(read(adding.path), lambda a, b: a * b if len(a) > 1 else a * torch.nan)
    assert "nan" not in text  # that it is wrong elsewhere says more
    assert "it has to be [" in text
    assert "large" in says(read(adding.path), lambda a, b: a + b if len(a) > 1 else a + 2)


def test_an_argument_that_is_made_empty_is_told(adding, says):
    def adds(a, b):
        a.resize_(0)
        return b

    assert "changes its argument `a` in place" in says(adding, adds)
