"""In a notebook's kernel, with the cells of a lesson: a green line, a diagnosis, and a kernel that goes on."""

import nbformat
import pytest
from nbclient import NotebookClient

from recall_learn.practice.exercise import named

EACH = named("fisher_empirical")
ENDLESS = "def fisher_empirical(weights, x, y):\n    while True:\n        weights = weights + 0"
LOOK = f'check("{EACH.name}", {EACH.entry})'


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The outputs of five cells that were run one after the other in one kernel."""
    folder = tmp_path_factory.mktemp("kernel")
    cells = [
        f"import os\nos.environ['RECALL_LEARN_PROGRESS'] = {str(folder / 'progress.json')!r}\n"
        "from recall_learn.practice import check, player\nplayer.SECONDS = 1.0",
        f"{EACH.stub}\n\n{LOOK}",
        f"{EACH.code}\n\n{LOOK}",
        f"def fisher_empirical(weights, x, y):\n    return x @ weights\n\n{LOOK}",
        f"{ENDLESS}\n\n{LOOK}\nprint('and on')",
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    NotebookClient(made, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell.outputs for cell in made.cells]


def shown(outputs):
    return "".join(each["data"]["text/html"] for each in outputs if each.output_type == "display_data")


def test_the_stub_is_open(outputs):
    assert f"○ {EACH.name}</b>: not written yet" in shown(outputs[1])


def test_a_right_answer_gets_one_green_line(outputs):
    assert len(outputs[2]) == 1
    assert f"✓ {EACH.name}</b>: right" in shown(outputs[2])


def test_an_exception_shows_the_line_of_the_cell(outputs):
    assert "In fisher_empirical, line 2: return x @ weights" in shown(outputs[3])


def test_an_endless_loop_is_cut_off_and_the_kernel_goes_on(outputs):
    assert "still running after 1 seconds" in shown(outputs[4])
    assert outputs[4][-1].text == "and on\n"
