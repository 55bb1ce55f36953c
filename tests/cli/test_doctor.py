"""recall-learn doctor: what is here and what can be run, whatever is missing; nothing is asked of a hub that is off."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest
import torch
from huggingface_hub import constants
from small import save_glue

from recall_learn.cli import doctor, main
from recall_learn.models import hub, places
from recall_learn.practice import exercise
from recall_learn.support import environment, memory
from recall_learn.tasks import stored


@pytest.fixture(autouse=True)
def bare(tmp_path, monkeypatch):
    """Nothing is cached, and no folder is named."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.delenv(stored.VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def report(capsys) -> dict[str, dict[str, dict[str, str]]]:
    assert main(["doctor", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def online(monkeypatch, address):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_ENDPOINT", address)


def test_the_report_is_aligned_and_says_the_same_as_json(capsys):
    found = report(capsys)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == list(doctor.SECTIONS) == list(found)
    width = max(len(name) for section in found.values() for name in section)
    said = {line[2 : 2 + width].strip(): line[width + 4 :] for line in lines if line.startswith("  ")}
    assert {line[2 + width : 4 + width] for line in lines if line.startswith("  ")} == {"  "}
    plain = {name: each["value"] for section in found.values() for name, each in section.items()}
    for moving in ("memory", "disk"):
        assert said.pop(moving).split()[1:] == plain.pop(moving).split()[1:]
    assert plain == {name: value for name, value in said.items() if name}


def test_the_usual_machine(capsys):
    found = report(capsys)
    assert found["packages"]["torch"] == {"value": torch.__version__, "mend": ""}
    assert found["packages"]["numpy"]["value"] == environment.version_of("numpy")
    assert str(torch.get_num_threads()) in found["machine"]["cores"]["value"]
    assert found["what finetune can run"]["--backbone tiny"]["value"].startswith("yes, on cpu")
    assert found["what finetune can run"]["--mixed-precision bf16"]["value"] == "yes"
    assert found["what finetune can run"]["--mixed-precision fp16"] == {
        "value": "no: it needs a GPU",
        "mend": "--mixed-precision bf16",
    }


def test_whatever_is_missing_is_said_with_what_brings_it(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(places, "MINILM_PACKAGE", "no_such_package_as_this")
    monkeypatch.setattr(environment, "version_of", lambda name: None)
    monkeypatch.setattr(places, "TINY", tmp_path / "nowhere")
    monkeypatch.setenv(stored.VARIABLE, "/nowhere/at/all")
    monkeypatch.setenv(exercise.FOLDER, "/nowhere/either")
    found = report(capsys)
    where, can = found["weights, data, exercises"], found["what finetune can run"]
    assert where["minilm"] == {"value": "not here", "mend": places.MINILM_INSTALL}
    assert where["tiny"] == {"value": "no config.json", "mend": "pip install --force-reinstall --no-deps recall-learn"}
    assert where["bert-base-uncased"] == {"value": "not here", "mend": "a local copy, by --backbone FOLDER"}
    assert where["hub"]["mend"] == "unset the two"
    assert where["data sets"] == {
        "value": "RECALL_LEARN_DATA is '/nowhere/at/all', which is no folder",
        "mend": "--data FOLDER, or RECALL_LEARN_DATA=FOLDER",
    }
    assert where["exercises"]["mend"].startswith("RECALL_LEARN_EXERCISES")
    assert found["packages"]["torch"] == {"value": "not installed", "mend": "pip install torch"}
    assert found["packages"]["ray"] == {"value": "not installed", "mend": "pip install 'recall-learn[sweep]'"}
    assert {name: each["value"][:3] for name, each in can.items() if name.startswith("--backbone")} == dict.fromkeys(
        [f"--backbone {name}" for name in doctor.WEIGHTS], "no:"
    )
    assert all(each["mend"] for each in can.values() if each["value"].startswith("no"))


def test_a_gpu_is_described_and_taken(capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.device", lambda number: torch.device("cpu"))
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda: (3e9, 16e9))
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a card")
    monkeypatch.setattr(memory, "free", lambda device: 3e9 if device.type == "cuda" else 1e9)
    found = report(capsys)
    assert found["devices"]["cuda:0"]["value"] == "a card; 3.0 GB free of 16.0 GB; float32, fp16"
    assert "gpu" not in found["devices"]
    can = found["what finetune can run"]
    assert can["--backbone minilm"]["value"].startswith("yes, on cuda, with 0.45 GB")
    assert can["--mixed-precision fp16"]["value"] == "yes"
    assert can["--mixed-precision bf16"] == {"value": "no: cuda lacks it", "mend": "--mixed-precision fp16"}


def test_too_little_memory_is_said(capsys, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda device: 0.3e9)
    can = report(capsys)["what finetune can run"]
    assert can["--backbone tiny"]["value"].startswith("yes")
    assert can["--backbone minilm"]["value"] == "no: takes over 0.5 GB, and 0.3 GB are free on cpu"


def test_a_look_that_fails_says_so_and_the_others_go_on(capsys, monkeypatch):
    def ill():
        raise RuntimeError("no\nidea")

    monkeypatch.setattr(psutil, "virtual_memory", ill)
    found = report(capsys)
    assert found["machine"]["(more)"]["value"] == "cannot be told: RuntimeError: no idea"
    assert found["packages"]["torch"]["value"] == torch.__version__


def test_tasks_that_are_whole_and_one_that_is_not(capsys, monkeypatch, tmp_path):
    save_glue(tmp_path / "glue", "mrpc")
    save_glue(tmp_path / "glue", "cola")
    monkeypatch.setenv(stored.VARIABLE, str(tmp_path / "glue"))
    for file in (tmp_path / "glue" / "cola").glob("validation-*"):
        file.unlink()
    found = report(capsys)["weights, data, exercises"]
    assert found["whole there"] == {"value": "mrpc", "mend": ""}
    assert "cola/validation" in found["cola"]["value"]
    assert found["not there"]["value"].startswith("sst2, stsb, qqp, mnli, qnli, rte, wnli, ")


def test_a_hub_that_is_off_is_not_asked(capsys, monkeypatch):
    monkeypatch.setattr(hub.urllib.request, "urlopen", lambda *_, **__: pytest.fail("the hub was asked"))
    found = report(capsys)["weights, data, exercises"]["hub"]["value"]
    assert found == "https://huggingface.co is out of reach: switched off by HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE"


@pytest.mark.parametrize(("status", "says"), [(200, "answers"), (503, "is out of reach: HTTP Error 503: no")])
def test_a_hub_is_asked_once(capsys, monkeypatch, status, says):
    asked = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append(self.path)
            self.send_response(status, "no")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}"
        online(monkeypatch, address)
        found = report(capsys)
    finally:
        server.shutdown()
        server.server_close()
    assert len(asked) == 1
    assert found["weights, data, exercises"]["hub"]["value"] == f"{address} {says}"
    can = found["what finetune can run"]["--backbone bert-base-uncased"]
    assert can["mend"] == ("fetched when it is first used" if status == 200 else "a local copy, by --backbone FOLDER")
    assert can["value"].startswith("yes" if status == 200 else "no")


def test_a_silent_hub_is_not_waited_for(monkeypatch, capsys):
    monkeypatch.setattr(hub, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        online(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}")
        assert hub.out_of_reach() == "no answer within 0.3 s"


@pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:1", "http://no host", "file:///etc"])
def test_an_address_where_nothing_is_is_a_word_and_no_error(monkeypatch, capsys, address):
    online(monkeypatch, address)
    assert hub.out_of_reach()
    assert report(capsys)["weights, data, exercises"]["hub"]["mend"].startswith("look at the network")
