"""A made-up treebank in the layout of the real one; its words are those that the tests' tokenizers read."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

TAGS = "NOUN VERB PRON ADP DET ADJ AUX PROPN ADV CCONJ".split()  # noqa: SIM905


def rows(count, generator, taken):
    """Sentences of two-letter words, no one twice; a rule of their letters decides every column."""
    letters, made = "abcdefgh", []
    # the middle of the alphabet is what most sentences are made of, so that some words are of middling frequency
    usual = [a + b for a in "abcd" for b in "efgh"]
    rare = [a + b for a in "efgh" for b in "efgh"]
    while len(made) < count:
        length = int(generator.integers(5, 29))
        words = [str(word) for word in generator.choice(usual, length - 1)]
        if generator.random() < 0.4:
            words[int(generator.integers(length - 1))] = str(generator.choice(rare))
        text = " ".join(words) + "."
        if text in taken:
            continue
        taken.add(text)
        tags = [TAGS[(3 * letters.index(word[0]) + letters.index(word[1])) % 10] for word in words]
        made.append(
            {
                "sentence": text,
                "words": length,
                "depth": 2 + letters.index(words[-1][1]) % 4 + letters.index(words[0][0]) % 4,
                "tense": ("Past", "Pres", "", "Pres")[letters.index(words[1][0]) % 4],
                "subject_number": ("Sing", "Plur", "Ptan", "Sing")[letters.index(words[0][1]) % 4],
                "object_number": ("Sing", "Plur", "", "")[letters.index(words[2][1]) % 4],
                "pos": " ".join([*tags, "PUNCT"]),
            }
        )
    return made


def save_treebank(folder, train=400, validation=300, seed=0):
    """Write it to ``folder/ud``; the rows by split."""
    generator, taken = np.random.default_rng(seed), set()
    made = {split: rows(count, generator, taken) for split, count in (("train", train), ("validation", validation))}
    (folder / "ud").mkdir(parents=True, exist_ok=True)
    for split, its in made.items():
        pq.write_table(pa.Table.from_pylist(its), folder / "ud" / f"{split}-00000-of-00001.parquet")
    return made
