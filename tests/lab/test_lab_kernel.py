"""The lab in a kernel whose cell is interrupted: what waits is ended, what trains goes on."""

import pytest
from jupyter_client.manager import KernelManager

PATIENCE = 120
BEGIN = """
from recall_learn.lab.live import Lab
from recall_learn.runs.recipe import Recipe

recipe = Recipe(backbone={bert!r}, task="mrpc", method="recadam", gamma=100.0, steps=10**6, batch_size=4, lr=1e-3,
                max_length=40, evaluate_every=10**6)
lab = Lab(recipe, "nothing", data_folder={glue!r}, device="cpu")
lab.start()
while not lab.run.history:
    pass
"""


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    manager = KernelManager()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


CELL = "lab = Lab(recipe, beside, data_folder={glue!r}, device='cpu')"


def test_a_typo_in_the_labs_cell_leaves_the_lab_running(world, kernel):
    _, client = kernel
    printed = []

    def execute(code):
        hook = {"output_hook": lambda m: m["msg_type"] == "stream" and printed.append(m["content"]["text"])}
        reply = client.execute_interactive(code, timeout=PATIENCE, **hook)["content"]
        return reply["status"], reply.get("ename")

    begin = BEGIN.split("lab =")[0].format(bert=str(world / "bert"), glue=str(world / "glue"))
    assert execute(f"{begin}\nbeside = 'nothing'") == ("ok", None)
    cell = CELL.format(glue=str(world / "glue"))
    assert execute(cell) == ("ok", None)
    assert execute("lab.start()\nfirst, beside = lab, 'no one'\nimport time") == ("ok", None)
    assert execute("while not lab.run.history: time.sleep(0.05)") == ("ok", None)
    assert execute(cell) == ("error", "ValueError")
    assert execute("print(lab is first, lab.state, lab._session.folder.is_dir(), flush=True)") == ("ok", None)
    assert execute("beside = 'nothing'") == ("ok", None)
    assert execute(cell) == ("ok", None)
    assert execute("print(lab is first, first.state, lab.state, flush=True)") == ("ok", None)
    assert "".join(printed).splitlines() == ["True running True", "False closed new"]


def test_an_interrupt_ends_the_waiting_and_not_the_training(world, kernel):
    manager, client = kernel
    printed = []

    def listen(message):
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])
            if "waiting" in message["content"]["text"]:
                manager.interrupt_kernel()

    def execute(code):
        printed.clear()
        return client.execute_interactive(code, timeout=PATIENCE, output_hook=listen)["content"]

    begun = execute(BEGIN.format(bert=str(world / "bert"), glue=str(world / "glue")))
    assert begun["status"] == "ok", begun
    assert execute("print('waiting', flush=True)\nlab.wait()")["ename"] == "KeyboardInterrupt"
    execute("now = len(lab.run.history)\nwhile len(lab.run.history) < now + 2: pass\nprint(lab.state)")
    assert "".join(printed) == "running\n"
    execute("lab.pause()\nprint(lab.wait(60))")
    assert "".join(printed) == "paused\n"
