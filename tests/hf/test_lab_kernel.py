"""The lab in a kernel whose cell is interrupted: what waits is ended, what trains goes on."""

import pytest
from jupyter_client.manager import KernelManager

PATIENCE = 120
BEGIN = """
from recall_learn.lab.live import Lab
from recall_learn.recipe import Recipe

recipe = Recipe(backbone={bert!r}, task="mrpc", method="recadam", gamma=100.0, steps=10**6, batch_size=4, lr=1e-3,
                max_length=40, evaluate_every=10**6)
lab = Lab(recipe, "nothing", glue_folder={glue!r}, device="cpu")
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
