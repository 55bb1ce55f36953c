"""The pictures of the first page, drawn when the book is built: from recorded runs, or with functions of the library.

A function takes the folder of the recorded runs. It gives a small picture, and for the story the sentence under it too,
or None where what it needs is not recorded yet. What a picture shows, its lesson shows at length.
"""

from . import lessons, story

STORY = {each.__name__: each for each in (story.lost, story.valley, story.released, story.kept, story.worth)}
LESSONS = {
    "01_forgetting": lessons.similarity,
    "02_laplace": lessons.diagonal,
    "03_fisher": lessons.coin,
    "04_ewc": lessons.two_tasks,
    "05_pretraining_simulation": lessons.pulls,
    "06_objective_shifting": lessons.shifts,
    "07_recadam": lessons.at_rest,
    "08_lab": lessons.fan,
    "09_start_and_finish": lessons.starts,
    "10_child_tuning": lessons.masked,
    "11_neighbours": lessons.field,
    "12_all_together": lessons.eight,
    "13_where": lessons.layers,
    "14_generalise": lessons.elsewhere,
    "15_sequences": lessons.one_after_another,
    "16_is_it_forgetting": lessons.failed,
    "17_bigger": lessons.wider,
}
"""By the lesson's file; a lesson that has none here has its number on its card."""
