"""``pytest exercises --answers DIR``: every answer that was begun is a test."""

from pathlib import Path

from recall_learn.practice import answers, exercise


def pytest_addoption(parser):
    parser.addoption("--answers", metavar="DIR", help="the folder of your answers (answers/)")


def pytest_generate_tests(metafunc):
    if "answer" in metafunc.fixturenames:
        folder = answers.folder(metafunc.config.getoption("answers"))
        found = [(each, folder / f"{each.name}.py") for each in exercise.everything(Path(__file__).parent)]
        begun = [(each, path) for each, path in found if path.is_file()]
        metafunc.parametrize("answer", begun, ids=[each.name for each, _ in begun])
