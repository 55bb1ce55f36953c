"""Made-up sets of sentences in the layout of the real ones; their words are those that the tests' tokenizers read."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LETTERS = "abcdefgh"
USUAL = [a + b for a in "abcd" for b in "efgh"]
RARE = [a + b for a in "efgh" for b in "efgh"]


def text(generator, least, most, end=" ."):
    """So many words and marks; some have a word of middling frequency."""
    words = [str(word) for word in generator.choice(USUAL, int(generator.integers(least, most + 1)) - len(end.split()))]
    if generator.random() < 0.4:
        words[int(generator.integers(len(words)))] = str(generator.choice(RARE))
    return " ".join(words) + end


def letter(sentence, place=0):
    return LETTERS.index(sentence[place])


def drawn(count, taken, make):
    """Different ones, none of which was there."""
    made = []
    while len(made) < count:
        one = make()
        if one not in taken:
            taken.add(one)
            made.append(one)
    return made


def save_sentences(folder, train=400, validation=300, seed=0):
    """Write the four sets to ``folder/sentences``; ``set -> split -> rows``.

    A third of mr is in subj as well, and some of it in subj's other split. Some phrases of mpqa are there twice, with
    both labels or in both splits.
    """
    generator, taken = np.random.default_rng(seed), set()
    sets = {name: {} for name in ("mr", "subj", "mpqa", "trec")}
    for split, count in (("train", train), ("validation", validation)):
        long = drawn(2 * count, taken, lambda: text(generator, 8, 30))
        short = drawn(count, taken, lambda: text(generator, 1, 4, ""))
        asked = drawn(count, taken, lambda: text(generator, 5, 12, " ?"))
        kinds = [letter(each) % 2 * 3 + letter(each, 1) % 3 for each in asked]
        sets["subj"][split] = [(each, letter(each, 1) % 2) for each in long[:count]]
        sets["mr"][split] = [(each, letter(each) % 2) for each in long[2 * count // 3 : 5 * count // 3]]
        sets["mpqa"][split] = [(each, letter(each) % 2) for each in short]
        sets["trec"][split] = [pair for pair in zip(asked, kinds, strict=True) if pair[1] or len(pair[0]) % 3]
    sets["subj"]["validation"] += sets["mr"]["train"][-20:]
    one, other = (sets["mpqa"][split] for split in ("train", "validation"))
    other += one[20:30]
    for its in (one, other):
        its += its[:5] + [(each, 1 - label) for each, label in its[5:10]]
    made = {
        name: {split: [{"sentence": each, "label": label} for each, label in its] for split, its in splits.items()}
        for name, splits in sets.items()
    }
    for name, splits in made.items():
        (folder / "sentences" / name).mkdir(parents=True, exist_ok=True)
        for split, its in splits.items():
            write(folder, name, split, pa.Table.from_pylist(its))
    return made


def write(folder, name, split, table):
    """One split of one set; the file."""
    file = folder / "sentences" / name / f"{split}-00000-of-00001.parquet"
    pq.write_table(table, file)
    return file
