"""The exercises where they are read: stubs, statements, and the end of each lesson.

All of it is made from ``exercises/solutions``: ``exercises/NN_name/exercise.py`` and ``README.md`` for each exercise,
the tables in ``exercises/README.md`` and ``book/teaching.md``, and in each lesson what stands between the two comments
`BEGIN` and `END`: those for its page in full, the others by name.

Run as ``python -m recall_learn.book.exercises [folder of the repository]``.
"""

import re
import sys
from pathlib import Path

from recall_learn.book.home import home
from recall_learn.practice.exercise import Exercise, everything

BEGIN = "<!-- exercises: made by make notebooks from exercises/solutions -->"
END = "<!-- end of the exercises -->"
BLOCK = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
WEEKS = [(1, 2, 3), (4, 5, 6), (7, 8), (9, 10, 11)]
MINUTES = re.compile(r"^\*About (\d+) minutes", re.MULTILINE)
MADE = "<!-- made by make notebooks from exercises/solutions -->"

INTRODUCTION = """### Write it

Replace the line that raises, run the cell, and run the one under it: `check` tries your function on fresh random cases
and says what it finds. In a terminal, `recall-learn exercises run {name}` does the same with a file.

```{{code-cell}} ipython3
:tags: [remove-output]

from recall_learn.practice import check
```
"""

SECTION = """#### {title}

*{goal} {minutes} minutes, {level}.*

{statement}

```{{code-cell}} ipython3
{stub}
```

```{{code-cell}} ipython3
:tags: [remove-output]

check("{name}", {entry})
```

{hints}

`````{{admonition}} Solution
:class: dropdown

```python
{code}
```

{explanation}
`````
"""

REST = """#### In a terminal

These belong to the lesson, too. `recall-learn exercises run NAME` begins one of them.

{rows}
"""

HINT = """`````{{admonition}} Hint {number}
:class: tip dropdown

{text}
`````"""

README = """{made}

# {title}

*{goal}* {minutes} minutes, {level}, lesson {lesson}. `{entry}` in `exercise.py` is what you write.

{statement}

The first command below begins your answer as `answers/{name}.py`; run it again to have the answer checked.
There are {hints} hints.

```sh
recall-learn exercises run {name}
recall-learn exercises hint {name}
recall-learn exercises solution {name}
```
"""


def block(exercises: list[Exercise]) -> str:
    """What stands at the end of a lesson, between its comments."""
    shown, rest = ([each for each in exercises if each.page is page] for page in (True, False))
    parts = [INTRODUCTION.format(name=shown[0].name)]
    for each in shown:
        hints = "\n\n".join(HINT.format(number=n, text=text) for n, text in enumerate(each.hints, 1))
        parts.append(
            SECTION.format(
                title=each.title,
                goal=each.goal,
                minutes=each.minutes,
                level=each.level,
                statement=each.statement,
                stub=each.stub.strip(),
                name=each.name,
                entry=each.entry,
                hints=hints,
                code=each.code.strip(),
                explanation=each.explanation.strip(),
            )
        )
    if rest:
        rows = [f"- `{each.name}`: {each.goal} {each.minutes} minutes, {each.level}." for each in rest]
        parts.append(REST.format(rows="\n".join(rows)))
    return "\n".join([BEGIN, "", *parts, END])


def lesson(page: Path, exercises: list[Exercise]) -> str:
    """The text of a lesson's source with its exercises as they are now.

    Raises:
        ValueError: the lesson has no place for them.
    """
    text = page.read_text(encoding="utf-8")
    if not BLOCK.search(text):
        raise ValueError(f"{page} has no place for its exercises: it needs the lines {BEGIN!r} and {END!r}")
    return BLOCK.sub(lambda _: block(exercises), text)


def readme(each: Exercise) -> str:
    """The statement of an exercise, for those who read the repository."""
    return README.format(
        made=MADE,
        title=each.title,
        goal=each.goal,
        minutes=each.minutes,
        level=each.level,
        lesson=each.lesson,
        entry=each.entry,
        statement=each.statement,
        name=each.name,
        hints=len(each.hints),
    )


def table(exercises: list[Exercise]) -> str:
    """All exercises as a Markdown table."""
    rows = [
        f"| {each.lesson} | [{each.name}]({each.lesson:02}_{each.name}/README.md): {each.title} | {each.minutes} "
        f"| {each.level} |"
        for each in exercises
    ]
    return "\n".join(["| lesson | exercise | minutes | |", "| --- | --- | --- | --- |", *rows])


def plan(exercises: list[Exercise], book: Path) -> str:
    """Four weeks as a Markdown table: lessons, minutes, the exercises that these show, points."""
    rows = []
    for week, lessons in enumerate(WEEKS, 1):
        pages = [next(book.glob(f"{number:02}_*.md")) for number in lessons]
        titles = [re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)[1] for page in pages]
        reading = sum(int(MINUTES.search(page.read_text(encoding="utf-8"))[1]) for page in pages)
        own = [each for each in exercises if each.lesson in lessons and each.page]
        links = ", ".join(f"[{title}]({page.name})" for title, page in zip(titles, pages, strict=True))
        names = ", ".join(f"`{each.name}`" for each in own)
        writing, points = sum(each.minutes for each in own), sum(each.points for each in own)
        rows.append(f"| {week} | {links} | {reading} | {names} | {writing} | {points} |")
    head = ["| week | lessons | minutes | exercises | minutes | points |", "| --- | --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])


def made(root: Path) -> dict[Path, str]:
    """Every generated text, by the file that it belongs in."""
    exercises = everything(root / "exercises")
    files = {}
    for each in exercises:
        folder = root / "exercises" / f"{each.lesson:02}_{each.name}"
        files[folder / "exercise.py"] = each.file
        files[folder / "README.md"] = readme(each)
    for number in sorted({each.lesson for each in exercises}):
        (page,) = (root / "book").glob(f"{number:02}_*.md")
        files[page] = lesson(page, [each for each in exercises if each.lesson == number])
    teaching = root / "book" / "teaching.md"
    for page, inside in (
        (root / "exercises" / "README.md", table(exercises)),
        (teaching, plan(exercises, teaching.parent)),
    ):
        text = page.read_text(encoding="utf-8")
        files[page] = BLOCK.sub(lambda _, inside=inside: f"{BEGIN}\n\n{inside}\n\n{END}", text)
    return files


def main(root: Path) -> None:
    """Write all of it, and remove the folders of exercises that are gone."""
    files = made(root)
    for stray in (root / "exercises").glob("[0-9][0-9]_*"):
        if stray / "exercise.py" not in files:
            for name in ("exercise.py", "README.md"):
                (stray / name).unlink(missing_ok=True)
            stray.rmdir()
    for path, text in files.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main(home(sys.argv[1:]))
