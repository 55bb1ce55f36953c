"""The Python of the README runs as it is shown, one block after another, on a small model and few steps."""

import re
from pathlib import Path

import torch
import transformers
from torch.utils.data import DataLoader
from ways import arguments, rows

README = Path(__file__).parents[2] / "README.md"


def test_the_python_of_the_readme_runs(bert, tmp_path, monkeypatch):
    text = README.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    monkeypatch.chdir(tmp_path)
    data = [{key: value % 20 if key == "input_ids" else value for key, value in row.items()} for row in rows()]
    names = {
        "AutoModelForSequenceClassification": transformers.AutoModelForSequenceClassification,
        "DataLoader": DataLoader,
        "data": data,
        "arguments": arguments(tmp_path / "trainer"),
    }
    for block in blocks:
        block = block.replace('"bert-base-uncased"', repr(str(bert))).replace("steps=300", "steps=3")
        before = names.get("model")
        exec(block, names)
        if "from_pretrained" in block:
            start = transformers.AutoModelForSequenceClassification.from_pretrained(bert).bert
            pairs = zip(names["model"].bert.parameters(), start.parameters(), strict=True)
            assert names["model"] is not before
            assert not all(torch.equal(p, q) for p, q in pairs)
    assert names["trainer"].state.global_step == 6
    assert names["mask"].optimizer is names["optimizer"]
    assert len(names["run"].history) == 3
    assert (tmp_path / "runs" / "recalled" / "run.json").exists()
