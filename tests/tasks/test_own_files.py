"""A file of somebody's own: what is found in it, what is said, and the sentence for what is wrong."""

import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Value
from own_files import HEADER, TITLES, WRITTEN, pairs, rows
from small import refused

from recall_learn.tasks import loading, registry

# --- what a file may look like ---


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (HEADER + rows(), "a.csv", None),
        (HEADER + "\n" + rows() + "\n\n", "a.csv", None),
        ((HEADER + rows()).replace("\n", "\r\n"), "a.csv", None),
        ("\ufeff" + HEADER + rows(), "a.csv", None),
        ((HEADER + rows()).encode("utf-16"), "a.csv", "it is in UTF-16"),
        ("text;label\n" + rows(separator=";"), "a.csv", "separated by semicolons"),
        ("text|label\n" + rows(separator="|"), "a.csv", "separated by bars"),
        ("text\tlabel\n" + rows(separator="\t"), "a.csv", None),
        ("text\tlabel\n" + rows(separator="\t"), "a.tsv", None),
        ("sep=;\ntext;label\n" + rows(separator=";"), "a.csv", "separated by semicolons"),
        ("text, label\n" + rows(separator=", "), "a.csv", None),
        ('"text" , "label"\n'.replace(" ,", ",") + rows(), "A.CSV", None),
    ],
)
def test_a_file_of_separated_cells(read, content, name, said):
    data = read(content, name)
    assert pairs(data) == WRITTEN
    assert len(data.said) == (1 if said is None else 2)
    assert said is None or said in data.said[1]


def test_quotes_commas_and_line_breaks_in_cells(read):
    data = read(HEADER + '"with, comma and ""quotes"" and\na line break",good\n' + rows())
    assert pairs(data) == WRITTEN | {('with, comma and "quotes" and\na line break', "good")}
    data = read(HEADER + '"with \\"quotes\\", and a comma",good\n' + rows())
    assert pairs(data) == WRITTEN | {('with "quotes", and a comma', "good")}
    assert "escaped by \\" in data.said[1]


def test_quotation_marks_of_tab_separated_text_are_plain_signs(read):
    data = read('text\tlabel\n"an open one\tgood\n' + rows(separator="\t") + 'and "another\tbad\n', "a.tsv")
    assert pairs(data) == WRITTEN | {('"an open one', "good"), ('and "another', "bad")}
    assert "quotation marks are plain signs" in data.said[1]


def test_an_encoding_other_than_utf8_is_said(read):
    data = read((HEADER + "un café\u2019s crème,good\n" + rows()).encode("cp1252"))
    assert pairs(data) == WRITTEN | {("un café\u2019s crème", "good")}
    assert "0xE9 in line 2" in data.said[1]
    assert "Windows-1252" in data.said[1]
    text = "caf\x81,good\n".encode("latin-1")
    assert ("caf\x81", "good") in pairs(read(HEADER.encode() + text + rows().encode()))


def test_a_huge_cell(read):
    huge = "word " * 200_000
    assert (huge, "good") in pairs(read(HEADER + f"{huge},good\n" + rows()))


def test_json_lines_and_a_list_of_objects(read):
    made = [{"text": f"a text {i}", "more": {"a": [i]}, "label": ("good", "bad")[i % 2]} for i in range(10)]
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in made)
    for data in (read(lines, "a.jsonl"), read(lines + "\n\n", "a.ndjson"), read(json.dumps(made, indent=1), "a.json")):
        assert pairs(data) == WRITTEN
        assert data.said[1:] == ("not used: more",)
    made = [{"text": f"a\u2028text {i}", "label": bool(i % 2)} for i in range(10)]
    data = read("\n".join(json.dumps(each, ensure_ascii=False) for each in made), "a.jsonl")
    assert data.task.labels == ("false", "true")
    assert pairs(data) == {(f"a\u2028text {i}", ("false", "true")[i % 2]) for i in range(10)}


def test_the_names_of_a_class_label_are_those_of_its_file(tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["No", "Perhaps", "Yes"])})
    made = {"text": [f"a text {i}" for i in range(9)], "label": [2, 0, 1, 2, 0, 1, 2, -1, 1]}
    Dataset.from_dict(made, features=features).to_parquet(tmp_path / "a.parquet")
    data = loading.load(str(tmp_path / "a.parquet"))
    assert data.task.labels == ("No", "Perhaps", "Yes")
    names = {i: ("No", "Perhaps", "Yes")[y] for i, y in enumerate(made["label"]) if y >= 0}
    assert pairs(data) == {(f"a text {i}", name) for i, name in names.items()}
    assert "left out without a label: 1 of 9 rows, row 8" in data.said[1]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_parquet_of_every_kind_of_text(tmp_path, kind):
    text, label = ([f"a text {i}" for i in range(10)], [("good", "bad")[i % 2] for i in range(10)])
    other = pa.array([{"bytes": b"x"}] * 10)
    table = pa.table({"text": pa.array(text).cast(kind), "image": other, "label": pa.array(label).cast(kind)})
    pq.write_table(table, tmp_path / "a.parquet")
    data = loading.load(str(tmp_path / "a.parquet"))
    assert pairs(data) == WRITTEN
    assert data.said[1:] == ("not used: image",)


# --- columns ---


@pytest.mark.parametrize(
    ("header", "columns", "label", "unused"),
    [
        ("text,label", ("text",), "label", ""),
        ("text ,label", ("text ",), "label", ""),
        ("id,Review Text,Stars", ("Review Text",), "Stars", ""),
        ("label,sentence1,sentence2", ("sentence1", "sentence2"), "label", ""),
        ("hypothesis,premise,gold-label", ("premise", "hypothesis"), "gold-label", ""),
        ("label,rating,tweet", ("tweet",), "label", "rating"),
        (",message,spam", ("message",), "spam", ""),
        ("what,kind", ("what",), "kind", ""),  # the one that reads like text
        ("text,x,x,label", ("text",), "label", "x"),  # nobody asks for x
    ],
)
def test_columns_are_found_by_their_names(read, header, columns, label, unused):
    names = header.split(",")
    cells = {name: [f"a {name} {i}" for i in range(10)] for name in columns} | {label: ["yes", "no"] * 5}
    lines = [",".join(cells[name][i] if name in cells else str(i) for name in names) for i in range(10)]
    data = read("\n".join([header, *lines]))
    assert (data.task.columns, data.task.label) == (columns, label)
    assert data.said[1:] == ((f"not used: {unused}",) if unused else ())
    assert pairs(data, columns[0], label) == {(f"a {columns[0]} {i}", ("yes", "no")[i % 2]) for i in range(10)}


def test_columns_are_named(read):
    content = "title,body,stars,text\n" + "".join(f"a title {i},a body {i},{i % 2},{i % 3}\n" for i in range(12))
    data = read(content, text="title, Body", label="text")
    assert (data.task.columns, data.task.label) == (("title", "body"), "text")
    assert data.task.labels == ("0", "1", "2")
    assert data.said[1] == "not used: stars"
    assert len(read(content.replace("title,body", '"a,b",body'), text="a,b", label="stars")["train"]["a,b"]) > 0


def test_the_columns_are_said(read):
    data = read("id,review,stars\n" + "".join(f"{i},a review {i},{i % 5 + 1}\n" for i in range(100)))
    assert data.said == (
        "reviews.csv: text: review; label: stars (5 classes: 1, 2, 3, 4, 5); train: 80 rows; "
        "validation: 20 rows (20 % drawn, stratified, seed 0); score: accuracy",
    )


@pytest.mark.parametrize(
    ("content", "asked", "parts"),
    [
        ("title,body,stars\n" + TITLES, {}, ["text", "'title'", "'body'", "--text 'body'", "--text 'body,title'"]),
        ("one,two,stars\n" + TITLES, {}, ["'one' or 'two'", "--text"]),
        ("text,stars,rating\n" + "a b,1,2\n" * 9, {}, ["label", "'stars', 'rating'", "--label 'stars'"]),
        ("text,foo,bar\n" + "a b,1,2\n" * 9, {}, ["label", "'foo', 'bar'", "--label"]),
        ("text\n" + "a b\n" * 9, {}, ["no column for the label", "'text'"]),
        ("text,id\n" + "a b,1\n" * 9, {}, ["no column for the label"]),
        ("text,label\n" + "1,a\n" * 9, {}, ["no column", "text", "--text"]),
        (HEADER + rows(), {"text": "body"}, ["text is 'body'", "'text', 'label'"]),
        (HEADER + rows(), {"label": "stars"}, ["label is 'stars'", "'text', 'label'"]),
        (HEADER + rows(), {"text": "text,text"}, ["twice"]),
        (HEADER + rows(), {"text": "a,b,c"}, ["one or two", "--text title,body"]),
        (HEADER + rows(), {"text": "text", "label": "text"}, ["'text'", "text and label at once"]),
        ("text,text ,label\n" + "a b,a b,x\n" * 9, {"text": "TEXT"}, ["'text', 'text '"]),
        ("text,text,label\n" + "a b,c d,x\n" * 9, {}, ["'text' 2 times"]),
        ("text,label,label\n" + "a b,c d,x\n" * 9, {}, ["'label' 2 times"]),
        (rows(10, ("1", "2")), {}, ["begins with '1'", "text,label"]),  # no header: the first row would be lost
        (rows(), {}, ["begins with 'good'", "text,label"]),
    ],
)
def test_columns_that_cannot_be_told_are_refused(read, content, asked, parts):
    text = refused(lambda: read(content, **asked), ValueError)
    assert all(part in text for part in parts)


def test_a_number_may_be_the_name_of_a_column(read):
    data = read(
        ",0,1\n" + "".join(f"{i},a text {i},{('good', 'bad')[i % 2]}\n" for i in range(10)), text="0", label="1"
    )
    assert pairs(data, "0", "1") == WRITTEN


# --- what is wrong in a file ---


@pytest.mark.parametrize(
    ("content", "name", "parts"),
    [
        ("", "a.csv", ["a.csv is empty"]),
        ("\n\n", "a.csv", ["a.csv is empty", "text,label"]),
        (HEADER, "a.csv", ["a header and no rows"]),
        (HEADER + rows(3) + "a, b,good\n" + rows(), "a.csv", ["a.csv, line 5 (row 4) has 3 cells, and the header 2"]),
        (
            HEADER + rows(3) + "alone\n" + rows(),
            "a.csv",
            ["line 5 (row 4) has 1 cell, and the header 2", "alone"],
        ),
        (HEADER + '"two\nlines",good\n' + "alone\n", "a.csv", ["line 4 (row 2)"]),
        ("sep=;\ntext;label\na;b;c\n", "a.csv", ["line 3 (row 1)", "has semicolons in it"]),
        (HEADER + rows(3) + '"never closed,good\n' + rows(), "a.csv", ["a.csv, line 5", "never closed"]),
        (HEADER + rows(3) + '"a "quoted" word",good\n', "a.csv", ["a.csv, line 5", "a quote inside a cell", '""']),
        ((HEADER + rows()).encode() + b"a\0b,good\n", "a.csv", ["NUL byte in line 12"]),
        ((HEADER + rows()).encode("utf-16-le"), "a.csv", ["NUL byte in line 1"]),
        (b"\xff\xfea", "a.csv", ["UTF-16"]),
        ((HEADER + "é,good\n").encode() + b"\xe9,bad\n", "a.csv", ["UTF-8 but for byte 0xE9 in line 3"]),
        ("a;b,c\n" + "x;y,z\n" * 9, "a.csv", ["commas or semicolons"]),
        ("", "a.jsonl", ["a.jsonl is empty"]),
        ("\n", "a.jsonl", ["no rows"]),
        ("[]", "a.json", ["no rows"]),
        ('{"text": "a", "label": 1}\n{"text": "a",\n', "a.jsonl", ["a.jsonl, line 2", "not JSON", "one object a line"]),
        ('{"text": "a", "label": NaN}\n', "a.jsonl", ["a.jsonl, line 1", "NaN"]),
        ('{"text": "a", "text": "b"}\n', "a.jsonl", ["a.jsonl, line 1", "'text' twice"]),
        ("3\n", "a.jsonl", ["a.jsonl, line 1 is 3", "no object"]),
        ('[{"a": 1}, 3]', "a.json", ["a.json, object 2 is 3", "no object"]),
        ('[{"a": 1}', "a.json", ["a.json", "not JSON"]),
        (b'{"text": "\xe9"}\n', "a.jsonl", ["a.jsonl, line 1", "UTF-8"]),
        ("no parquet", "a.parquet", ["a.parquet cannot be read as parquet"]),
        (HEADER, "a.xlsx", ["'a.xlsx'", ".csv", ".parquet"]),
    ],
)
def test_a_file_that_will_not_do(read, content, name, parts):
    text = refused(lambda: read(content, name), ValueError)
    assert all(part in text for part in parts), text


def test_parquet_that_will_not_do(tmp_path):
    file = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": pa.array([], pa.string()), "label": pa.array([], pa.int64())}), file)
    refused(lambda: loading.load(file), ValueError, "no rows")
    table = pa.table({"text": ["a b"] * 4, "label": [0, 1, 0, 1]})
    pq.write_table(table.append_column("label", table["label"]), file)
    refused(lambda: loading.load(file), ValueError, "'label' 2 times")
    pq.write_table(pa.table({"text": ["a b"] * 4, "label": [[0], [1], [0], [1]]}), file)
    refused(lambda: loading.load(file), ValueError, "row 1", "'label'", "list<")
    pq.write_table(pa.table({"text": ["a b"] * 4, "label": [0.5, math.inf, 1.0, 2.0]}), file)
    refused(lambda: loading.load(file), ValueError, "row 2", "'label'", "finite")
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    schema = features.arrow_schema
    pq.write_table(pa.table({"text": ["a b"] * 4, "label": [0, 1, 2, 1]}, schema=schema), file)
    refused(lambda: loading.load(file), ValueError, "row 3", "'label' is 2", "0 to 1", "no, yes")


def test_what_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, parts in {
        "none.csv": ["'none.csv'", "no such file"],
        "./none": ["'./none'", "no file or folder", "OWNER/NAME"],
        "a/b/../c": ["is not in the local cache"],
    }.items():
        error = FileNotFoundError if "a/b" not in name else ConnectionError
        text = refused(lambda name=name: loading.load(name), error)
        assert all(part in text for part in parts)
    for name in ("reviews", "world/colla", "nli/rte", "glue"):
        text = refused(lambda name=name: loading.load(name), ValueError, f"{name!r} is unknown", "mrpc", "sick")
        assert "reviews.csv" in text
    refused(lambda: loading.load("cola", text="sentence"), ValueError, "text is 'sentence'", "cola")
    refused(lambda: registry.asked("a.csv", label=""), ValueError, "label is ''")
    refused(lambda: registry.asked("a.csv", text=3), ValueError, "text is 3")
    refused(lambda: registry.asked(3), ValueError, "task is 3")
