"""The look at an answer, on an exercise made for it: whatever the answer does, the message is about it."""

import io
import sys
import threading
import time

import numpy as np
import pytest
import torch
from torch import nn

from recall_learn.practice import compare, examine, looking
from recall_learn.practice.exercise import everything, named, read
from recall_learn.practice.guard import Complaint, NotWritten, call

SOLUTION = '''# ---
# lesson: 1
# order: 1
# goal: Add.
# minutes: 10
# difficulty: 1
# hints: [Add., "Add a to b."]
# explanation: A sum.
# ---
"""Add.

Add them.
"""


def adds(a, b):
    """The sum."""
    # solution
    return a + b
    # end
'''
CHECK = """
import torch
from recall_learn.practice import Mistake, case, wrong

SECONDS = 0.5

def cases(rng):
    return [case(torch.tensor(rng.normal(size=n)), torch.tensor(rng.normal(size=n)), size=n) for n in (3, 5)]

def reference(a, b):
    return torch.tensor([x + y for x, y in zip(a.tolist(), b.tolist())], dtype=torch.float64)

MISTAKES = [Mistake("you subtract, which is {ratio} of it; there are {size} numbers", lambda a, b: a - b)]

def commutes(answer, rng):
    a, b = torch.tensor(rng.normal(size=3)), torch.tensor(rng.normal(size=3))
    if not torch.allclose(torch.as_tensor(answer(a, b)), torch.as_tensor(answer(b, a))):
        wrong("a + b has to be b + a")

LAWS = [commutes]
"""


@pytest.fixture
def adding(tmp_path):
    for folder, text in (("solutions", SOLUTION), ("checks", CHECK)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "adds.py").write_text(text)
    return read(tmp_path / "solutions" / "adds.py")


def says(exercise, answer):
    report = examine(exercise, answer, seed=1)
    assert report.status == "failed", report
    return str(report)


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


def test_a_known_mistake_is_named_with_its_numbers(adding):
    text = says(adding, lambda a, b: a - b)
    assert "you subtract, which is" in text
    assert "there are 3 numbers" in text
    assert "In the case a = [" in text


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda a, b: None, "is there a `return`?"),
        (lambda a, b: (a + b)[:-1], "has shape [2]; it has to be [3]"),
        (lambda a, b: "sum", "is a str; it has to be an array of shape [3]"),
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
    ],
)
def test_what_is_wrong_is_said(adding, answer, message):
    assert message in says(adding, answer)


def test_an_exception_shows_the_learners_line_and_not_ours(adding):
    def helper(x):
        return x.nothing

    def adds(a, b):
        return helper(a) + b

    text = says(adding, adds)
    assert "In helper, line" in text
    assert "return x.nothing" in text
    assert "looking.py" not in text


def test_a_recursion_without_end_is_told(adding):
    def adds(a, b):
        return adds(a, b)

    assert "calls itself without an end" in says(adding, adds)


def test_a_stub_is_open(adding):
    def adds(a, b):
        raise NotImplementedError("not written yet")

    assert examine(adding, adds).status == "open"
    assert "NotImplementedError: later" in says(
        adding, lambda a, b: (_ for _ in ()).throw(NotImplementedError("later"))
    )


def swallows(a, b):
    while True:
        try:
            while True:
                a = a + 0
        except BaseException:
            continue


def endless(a, b):
    while True:
        a = a + 0


@pytest.mark.parametrize("answer", [endless, swallows, lambda a, b: time.sleep(1000)])
def test_what_does_not_end_is_cut_off(adding, answer):
    assert "still running after" in says(adding, answer)


@pytest.mark.parametrize("answer", [endless, swallows])
def test_it_is_cut_off_in_another_thread_too(adding, answer):
    found = []
    thread = threading.Thread(target=lambda: found.append(says(adding, answer)))
    thread.start()
    thread.join()
    assert "still running after" in found[0]


def test_settings_that_an_answer_changes_are_put_back(adding):
    def adds(a, b):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        return a + b

    before = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    assert examine(adding, adds)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002


def test_ctrl_c_goes_through(adding):
    def adds(a, b):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(adding, adds)


def test_call_gives_what_came(adding):
    assert call(lambda a: a + 1, (2,), 1.0) == 3
    with pytest.raises(Complaint, match="ValueError: no"):
        call(lambda: (_ for _ in ()).throw(ValueError("no")), (), 1.0)
    with pytest.raises(NotWritten):
        call(lambda: (_ for _ in ()).throw(NotImplementedError("not written yet")), (), 1.0)


def test_changes_of_a_model_are_named():
    def model():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 2), nn.Dropout())

    def changed(what):
        after = model()
        what(after)
        return compare.changed(model(), after)

    assert changed(lambda m: None) == ""
    assert changed(lambda m: nn.init.zeros_(m[0].weight)) == "its weights"
    assert "mode" in changed(lambda m: m[1].eval())
    assert "requires_grad" in changed(lambda m: m[0].weight.requires_grad_(False))


@pytest.mark.parametrize(
    ("got", "want", "message"),
    [
        ({"a": 1.0}, {"a": 1.0, "b": 2.0}, "lacks 'b'"),
        ({"a": 1.0, "c": 1}, {"a": 1.0}, "has 'c' too many"),
        ({"a": torch.ones(2)}, {"a": torch.ones(3)}, "your result['a'] has shape [2]"),
        ((1.0,), (1.0, "x"), "it has to be 2 values"),
        (1.0, "home", "has to be a string"),
        (None, True, "is there a `return`?"),
        (2.0, True, "True or False"),
    ],
)
def test_another_kind_of_value_is_told(got, want, message):
    assert message in compare.unlike(got, want)
    assert not compare.same(got, want)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (torch.tensor([3.0]), 3.0),
        (np.float32(0.1), 0.1),
        ([1, 2], torch.tensor([1.0, 2.0])),
        ({"b": 1, "a": 2}, {"a": 2.0, "b": 1.0}),
        (np.bool_(True), True),
        (torch.tensor([True, False]), torch.tensor([1.0, 0.0])),
        (["a", "b"], ("a", "b")),
        (torch.tensor([np.inf, 1.0]), torch.tensor([np.inf, 1.0])),
    ],
)
def test_the_same_value_may_come_in_another_kind(got, want):
    assert compare.same(got, want)


def test_a_generator_is_copied_with_its_state():
    generator = torch.Generator().manual_seed(1)
    torch.rand(3, generator=generator)
    _, copied = looking._copies(([1.0], generator))
    assert copied is not generator
    assert torch.equal(torch.rand(4, generator=copied), torch.rand(4, generator=generator))


def test_copies_of_a_generator_cost_no_references():
    """Torch's deepcopy of one gives a reference to None away; after some thousands Python 3.11 ends."""
    generator, before = torch.Generator(), sys.getrefcount(None)
    for _ in range(1000):
        looking._copies((generator,))
    assert sys.getrefcount(None) > before - 500


def test_changes_of_plain_numbers_are_named():
    numbers = [3.0, 1.0, float("nan")]
    assert compare.changed(numbers, list(numbers)) == ""
    assert compare.changed(numbers, [1.0, 3.0, float("nan")]) == "its entry 0"
    assert compare.changed({"k": "a"}, {"k": "b"}) == "its entry 'k'"
    assert compare.changed({"k": 1.0}, {"k": torch.ones(2)}) == "its entry 'k'"


def test_a_transposed_matrix_is_recognised():
    matrix = torch.arange(6.0).reshape(2, 3)
    assert compare.transposed(matrix.T, matrix)
    assert not compare.transposed(matrix, matrix)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    ("answer", "message"), [(lambda a, b: a - b, "you subtract"), (torch.minimum, "is [1, 1]; it has to be [inf, 2]")]
)
def test_infinity_may_be_right(adding, answer, message):
    first = "[case(torch.tensor([torch.inf, 1.0]), torch.ones(2), size=2)] + [case("
    (adding.path.parents[1] / "checks" / "adds.py").write_text(CHECK.replace("[case(", first))
    assert message in says(adding, answer)


def test_a_wrong_name_gets_the_nearest():
    with pytest.raises(ValueError, match="did you mean fisher_empirical"):
        named("fisher_empircal")
    with pytest.raises(ValueError, match="list` names all"):
        named("../x")


def test_a_solution_without_a_head_or_a_place_to_write_is_refused(tmp_path):
    (tmp_path / "a.py").write_text("def a():\n    return 1\n")
    with pytest.raises(ValueError, match="has no head"):
        read(tmp_path / "a.py")
    (tmp_path / "a.py").write_text(SOLUTION.replace("# order: 1\n", ""))
    with pytest.raises(ValueError, match="it has to set"):
        read(tmp_path / "a.py")
    (tmp_path / "a.py").write_text(SOLUTION.replace("    # end\n", ""))
    with pytest.raises(ValueError, match="nothing to write"):
        read(tmp_path / "a.py")


def test_the_exercises_follow_the_lessons():
    order = [(each.lesson, each.order) for each in everything()]
    assert order == sorted(order)
    assert len(set(order)) == len(order)


def test_a_law_s_message_shows_the_case_and_what_came(adding):
    text = says(adding, lambda a, b: a)
    assert "a + b has to be b + a" in text
    assert "In the case a = [" in text
    assert "your result is [" in text


def test_lists_and_dictionaries_of_a_case_are_shown():
    shown = looking._short({"said": ["Fenrik", "Corve"], "n": 3})
    assert shown == "{'said': ['Fenrik', 'Corve'], 'n': 3}"
    assert looking._short(list("abcdef")) == "['a', 'b', 'c', 'd', ...]"
    assert looking._short(torch.ones(2, 3)) == "[1, 1, 1, 1, ...] of shape [2, 3]"


def test_an_answer_that_waits_for_input_is_told(adding, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "Take what you need from the arguments" in says(adding, lambda a, b: input())


def test_the_limit_is_of_the_processor_and_not_of_the_clock(adding):
    """A busy machine refuses no answer: this one sleeps for longer than its half second."""

    def adds(a, b):
        time.sleep(0.4)
        return a + b

    assert examine(adding, adds)


def test_a_line_of_a_check_is_not_the_learner_s(adding):
    path = adding.path.parents[1] / "checks" / "adds.py"
    path.write_text(CHECK + "\ndef play(entry, a, b):\n    return entry(a, b) @ torch.ones(9)\n")

    def adds(a, b):
        return a + b

    text = says(read(adding.path), adds)
    assert "RuntimeError" in text
    assert "In play" not in text


def test_a_mistake_that_explains_one_wrong_case_and_not_the_right_ones_is_not_named(adding):
    path = adding.path.parents[1] / "checks" / "adds.py"
    path.write_text(CHECK.replace("lambda a, b: a - b)", "lambda a, b: a * 0)"))

    def adds(a, b):
        return a + b if len(a) == 3 else a * 0

    assert "you subtract" not in says(read(adding.path), adds)


def test_parts_in_another_order_are_told():
    want = (torch.ones(3), torch.zeros(3), torch.full((3,), 2.0))
    assert compare.permuted(want[::-1], want, 1e-4)
    assert not compare.permuted((want[0], want[0], want[2]), want, 1e-4)
    assert compare.permuted((200, float("inf")), (float("inf"), 200), 1e-4)


def test_a_part_that_differs_is_named_and_shown_with_digits_enough():
    want = (torch.ones(3), torch.tensor([0.5, 1.0, 2.0]))
    text = compare.difference((torch.ones(3), torch.tensor([0.5, 1.0, 2.0004])), want)
    assert text.startswith("your result[1][2] is 2.0004")
    assert (
        compare.unlike(torch.ones(3), want)
        == "your result is an array of shape [3]; it has to be 2 values, in a tuple or a list"
    )
    assert compare.same(torch.stack(want), want)
    lost = np.full(6, np.nan)
    assert "your result[4] is nan" in compare.difference(lost, np.array([np.nan] * 4 + [1.0, 2.0]))


def test_a_word_that_is_only_spelled_otherwise_is_told():
    assert "is spelled 'pull to zero'" in compare.misspelt("Pull to  zero", "pull to zero")
    assert compare.misspelt("fine", "pull to zero") == ""
