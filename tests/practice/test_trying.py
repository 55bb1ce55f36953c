"""``recall-learn exercises try``, for those who make exercises."""

import pytest
from learner import NAME, run

MUTANTS = """
MUTANTS = [
    ("subtracts", {"a + b": "a - b"}, "you subtract"),
]

def turned(a, b):
    return b + a

OTHERS = [turned]
"""


def test_try_shows_what_a_set_of_answers_gets(adding, own_progress, monkeypatch, capsys):
    (own_progress / "mutants").mkdir()
    known = own_progress / "mutants" / "adds.py"
    known.write_text(MUTANTS)
    (own_progress / "tried").mkdir()
    for name, body in (
        ("half", "(a + b) / 2"),
        ("other", "b + a"),
        ("sometimes", "a + b * bool(seen or seen.append(1))"),
    ):
        (own_progress / "tried" / f"{name}.py").write_text(f"def adds(a, b, seen=[]):\n    return {body}\n")
    (own_progress / "none.py").write_text("x = (")
    monkeypatch.setenv("RECALL_LEARN_EXERCISES", str(own_progress))
    assert run("try", "adds", str(own_progress / "tried"), str(own_progress / "none.py")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0].strip() for line in lines] == [
        *("solution", "right", "wrong", "half.py", "other.py", "sometimes.py", "none.py")
    ]
    assert lines[2].startswith("   wrong: subtracts: ✗ you subtract")
    assert "✗ your result is 0.5 times the right one, in every case" in lines[3]
    assert "✓ right" in lines[4]
    assert "passes 2 of 3 looks" in lines[5]
    assert "none.py, line 1, is not Python" in lines[6]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"you subtract"', '"you divide"', "!! wrong: subtracts: it is not told 'you divide'"),
        ("a - b", "a + b", "!! wrong: subtracts: it passes"),
        ("b + a", "b - a", "!! right: turned: it is refused"),
        (
            "]",
            '    ("subtracts again", lambda a, b: b - a, "subtract"),\n]',
            "it is told 'subtract', which is another one's",
        ),
    ],
)
def test_try_says_what_is_wrong_with_a_check(adding, own_progress, monkeypatch, capsys, old, new, fault):
    (own_progress / "mutants").mkdir()
    (own_progress / "mutants" / "adds.py").write_text(MUTANTS.replace(old, new, 1))
    monkeypatch.setenv("RECALL_LEARN_EXERCISES", str(own_progress))
    assert run("try", "adds") == 1
    assert fault in capsys.readouterr().out


def test_try_needs_files_that_are_there(capsys):
    assert run("try", NAME, "no/such.py") == 2
    assert "no/such.py is not there; name files" in capsys.readouterr().err
