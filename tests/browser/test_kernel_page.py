"""model.js and the kernel in a browser: the same bits as under wasmtime, and refusals in words."""

import base64
import hashlib
import json

import pytest
from wasm_model import WasmModel, session

from recall_learn.lab.browser import FOLDER, layout

LR, STEPS = 1e-3, 3
RECADAM = {"k": 0.7, "t0": 3.0, "gamma": 100.0, "algorithm": "paper"}


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """A page from a file with model.js, and in it a model that has begun."""
    coded = {
        "bytes": base64.b64encode((FOLDER / "kernel.wasm").read_bytes()).decode(),
        "weights": base64.b64encode(layout.weights().numpy().astype("<f4").tobytes()).decode(),
    }
    file = tmp_path_factory.mktemp("page") / "index.html"
    file.write_text(
        f"""<!doctype html><script>{(FOLDER / "model.js").read_text()}</script><script>
        const layout = {json.dumps(layout.layout())}, coded = {json.dumps(coded)};
        const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        async function make(options) {{
          const module = await RecallModel.compile(bytes(coded.bytes));
          const model = new RecallModel(module, layout, new Float32Array(bytes(coded.weights).buffer));
          model.begin(options);
          return model;
        }}
        async function digest(array) {{
          const bits = new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice();
          const found = await crypto.subtle.digest("SHA-256", bits);
          return Array.from(new Uint8Array(found), (byte) => byte.toString(16).padStart(2, "0")).join("");
        }}
        </script>"""
    )
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert all(url.startswith("file:") for url in asked)
    page.close()


def _rows(task, count):
    keep = {"input_ids": "ids", "token_type_ids": "types", "labels": "label"}
    rows = [session(task).data["train"][i] for i in range(count)]
    return rows, [{to: row[of] for of, to in keep.items()} for row in rows]


@pytest.mark.parametrize(("task", "method"), [("mrpc", "recadam"), ("stsb", "l2sp"), ("cola", "child-f")])
def test_a_browser_gives_the_bits_that_wasmtime_gives(page, task, method):
    settings = {"recadam": RECADAM, "l2sp": {"gamma": 0.5, "beta": 0.2}, "child-f": {"p": 0.3}}[method]
    outputs, (rows, given) = session(task).task.num_labels, _rows(task, 200)
    kernel = WasmModel(outputs, 5)
    order, records = kernel.order(5, len(rows), 16), []
    for t in range(1, STEPS + 1):
        chosen = [rows[i] for i in next(order)]
        records.append(kernel.step(chosen, t, LR, **{method.replace("-", "_"): settings}))
    found, bits = page.evaluate(
        """async ([rows, outputs, method, steps, lr]) => {
          const model = await make({ outputs, seed: 5 }), next = model.order(5, rows.length, 16), records = [];
          for (let t = 1; t <= steps; t++)
            records.push(model.step(next().map((i) => rows[i]), { t, lr, methods: [method] }));
          return [records, await digest(model.theta)];
        }""",
        [given, outputs, {"name": method, **settings}, STEPS, LR],
    )
    assert bits == hashlib.sha256(kernel.theta.tobytes()).hexdigest()
    assert [{key: each[key] for key in records[0]} for each in found] == records


def test_a_child_of_the_tasks_fisher(page):
    rows, given = _rows("cola", 40)
    kernel = WasmModel()
    kernel.call("squares", kernel.put(rows, [row["labels"] for row in rows]))
    count = kernel.call("child_d_begin", 0.2)
    kernel.step(rows[:8], 1, LR, child_d={})
    found = page.evaluate(
        """async (rows) => {
          const model = await make({ outputs: 2, seed: 0 });
          for (const batch of model.slices(rows, 100000)) model.takeFisher(batch);
          const count = model.chooseChild(0.2);
          model.step(rows.slice(0, 8), { t: 1, lr: 1e-3, methods: [{ name: "child-d", p: 0.2 }] });
          return [count, await digest(model.theta)];
        }""",
        given,
    )
    assert found == [count, hashlib.sha256(kernel.theta.tobytes()).hexdigest()]


def test_a_second_run_of_an_instance_is_as_the_first(page):
    found = page.evaluate(
        """async (rows) => {
          const model = await make({ outputs: 2, seed: 1 }), all = [];
          for (const outputs of [2, 1, 2]) {
            model.begin({ outputs, seed: 1 });
            const next = model.order(1, rows.length, 4);
            for (let t = 1; t <= 3; t++) model.step(next().map((i) => rows[i]), { t, lr: 1e-3 });
            all.push(await digest(model.theta));
          }
          return all;
        }""",
        _rows("cola", 30)[1],
    )
    assert found[0] == found[2] != found[1]


def test_evaluations_and_distance(page):
    rows, given = _rows("rte", 300)
    kernel = WasmModel()
    logits, distance = page.evaluate(
        """async (rows) => {
          const model = await make({ outputs: 2, seed: 0 });
          const logits = [...model.slices(rows)].flatMap((batch) => Array.from(model.classify(batch)));
          return [logits, model.distance()];
        }""",
        given,
    )
    assert logits == kernel.classify(rows).ravel().tolist()
    assert distance == {"all": 0, "parts": {part["name"]: 0 for part in layout.layout()["parts"]}}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("model.classify([])", "a batch has 0 examples; it has to have 1 to 128"),
        ("model.classify(Array(129).fill(row))", "a batch has 129 examples; it has to have 1 to 128"),
        ("model.classify([{ ids: Array(65).fill(5) }])", "an example has 65 tokens; it has to have 1 to 64"),
        ("model.classify([{ ids: [] }])", "an example has 0 tokens; it has to have 1 to 64"),
        (
            "model.classify(Array(33).fill({ ids: Array(64).fill(5) }))",
            "a batch has more than 2048 tokens; it has to be",
        ),
        ("model.classify([{ ids: [545] }])", "a token is 545; it has to be a whole number from 0 to 544"),
        ("model.classify([{ ids: [1.5] }])", "a token is 1.5; it has to be a whole number from 0 to 544"),
        ("model.classify([{ ids: [1], types: [2] }])", "a type is 2; it has to be a whole number from 0 to 1"),
        ("model.classify([{ ids: [1], types: [] }])", "an example has 1 ids and 0 types; it has to have as many"),
        ("model.cloze([{ ids: [1, 2], place: 2, word: 5 }])", "place is 2; it has to be a whole number from"),
        ("model.cloze([{ ids: [1, 2], place: 1, word: -1 }])", "word is -1; it has to be a whole number from 0 to 544"),
        (
            "model.step([{ ids: [1], label: 2 }], { t: 1, lr: 1 })",
            "label is 2; it has to be a whole number from",
        ),
        ("model.step([{ ids: [1] }], { t: 1, lr: 1 })", "label is undefined; it has to be a whole number from 0 to 1"),
        ("model.step([row], { t: 0, lr: 1 })", "t is 0; it has to be a whole number from 1"),
        ("model.step([row], { t: 1, lr: NaN })", "lr is NaN; it has to be a number"),
        ("model.step([row], { t: 1, lr: 1, methods: [{ name: 'mixout' }] })", "mixout is not among the methods that"),
        (
            "model.step([row], { t: 1, lr: 1, methods: [{ name: 'ewc' }] })",
            "gamma of ewc is undefined; it has to be",
        ),
        (
            "model.step([row], { t: 1, lr: 1, methods: [{ name: 'child-d' }] })",
            "child-d has no child yet; take",
        ),
        ("model.chooseChild(1e-9)", "p is 1e-9, which keeps no weight; it has to keep one at least"),
        ("model.begin({ outputs: 3, seed: 0 })", "outputs is 3; it has to be 1 or 2"),
        ("model.begin({ outputs: 2, seed: -1 })", "seed is -1; it has to be a whole number from 0 to 4294967295"),
        ("model.order(0, 70000, 4)", "examples is 70000; it has to be a whole number from 1 to 65536"),
        ("new RecallModel(model.module, layout, [1])", "weights has 1 numbers; it has to have"),
    ],
)
def test_what_is_out_of_range_is_refused_in_words(page, asked, said):
    found = page.evaluate(
        f"""async () => {{
          const model = await make({{ outputs: 2, seed: 0 }}), row = {{ ids: [2, 7, 3], label: 1 }};
          const before = await digest(model.theta);
          try {{ {asked}; }} catch (error) {{ return [error.message, (await digest(model.theta)) === before]; }}
        }}"""
    )
    assert found[0].startswith(said)
    assert found[1], "nothing has changed"
