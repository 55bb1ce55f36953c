"""A notebook in JupyterLab in a browser, driven from outside: for the pictures of the lab, and for its tests.

The server listens on this machine alone, keeps its settings to itself, and asks for a token that is made for it.
"""

import ast
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 300.0
"""Seconds to wait for anything; a busy machine is no error."""
QUIET = {
    "notification": {"fetchNews": "false", "checkForUpdates": False},
    "themes": {"theme": "JupyterLab Light"},
}
NOTEBOOK = "window.jupyterapp.shell.currentWidget"


@contextmanager
def serving(folder: Path, own: Path, *, theme: str = "JupyterLab Light") -> Iterator[str]:
    """JupyterLab over a folder, for as long as the context lasts.

    Args:
        folder: with the notebooks.
        own: an empty folder for the server's settings, log and temporary files.
        theme: as JupyterLab names it.

    Yields:
        its address, token included.
    """
    settings = own / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    for name, values in (QUIET | {"themes": {"theme": theme}}).items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    (own / "tmp").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",  # the small world, whatever the machine has
        "JUPYTER_TOKEN": token,
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "IPYTHONDIR": str(own / "ipython"),
        "TMPDIR": str(own / "tmp"),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root"]
    command += ["--ServerApp.port_retries=0", "--LabApp.expose_app_in_browser=True", f"--notebook-dir={folder}"]
    with (own / "log.txt").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            until(lambda: _answers(server, port, own / "log.txt"))
            yield f"http://127.0.0.1:{port}/lab?token={token}"
        finally:
            server.terminate()  # it ends its kernels
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def until(true: Callable[[], Any]) -> Any:
    """Ask until the answer is true, and return it.

    Raises:
        TimeoutError: it never was.
    """
    deadline = time.monotonic() + PATIENCE
    while not (answer := true()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {answer!r} after {PATIENCE:g} s")
        time.sleep(0.1)
    return answer


class Notebook:
    """A notebook that JupyterLab shows in a tab.

    Args:
        context: a browser context of playwright's.
        address: what `serving` yields.
        name: of the notebook, in the folder that is served.
    """

    def __init__(self, context: Any, address: str, name: str):
        context.set_default_timeout(PATIENCE * 1000)
        # anywidget gives a figure up that is not ready within two seconds
        context.add_init_script(
            f"const timeout = AbortSignal.timeout; AbortSignal.timeout = wanted => "
            f"timeout.call(AbortSignal, Math.max(wanted, {PATIENCE * 1000:.0f}));"
        )
        self.context, self.errors = context, []
        there = urlsplit(address)
        self.address = f"{there.scheme}://{there.netloc}/lab/tree/{name}?reset&{there.query}"
        self.open()

    def open(self) -> None:
        """Open it in a new tab, and wait for its kernel."""
        self.tab = self.context.new_page()
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on(
            "console",
            lambda message: message.type == "error" and self.errors.append(f"{message.text} {message.location}"),
        )
        self.tab.goto(self.address)
        self.tab.wait_for_function(f"window.jupyterapp && {NOTEBOOK} && {NOTEBOOK}.sessionContext")
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the kernel answers; where JupyterLab asks which one it should be, take the one it offers."""
        accept = self.tab.locator(".jp-Dialog button.jp-mod-accept")

        def there() -> bool:
            if accept.count():
                accept.first.click()
            return self.tab.evaluate(
                f"""async () => {{
                    const kernel = {NOTEBOOK}.sessionContext.session?.kernel;
                    if (!kernel || kernel.connectionStatus !== 'connected' || kernel.status !== 'idle') return false;
                    await kernel.info;
                    return true;
                }}"""
            )

        until(lambda: there() and not accept.count())

    def ask(self, expression: str) -> Any:
        """The value of a Python expression in the kernel, by way of JSON.

        Raises:
            RuntimeError: it raised.
        """
        reply = self.tab.evaluate(
            f"""async wanted => {{
                const kernel = {NOTEBOOK}.sessionContext.session.kernel;
                const options = {{code: '', silent: false, store_history: false, user_expressions: {{wanted}}}};
                return (await kernel.requestExecute(options).done).content;
            }}""",
            f"__import__('json').dumps({expression})",
        )
        answer = reply["user_expressions"]["wanted"]
        if answer["status"] != "ok":
            raise RuntimeError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def find(self, text: str) -> int:
        """The number of the one code cell with this text in its source."""
        sources = self.tab.evaluate(
            f"{NOTEBOOK}.content.widgets.map(cell => cell.model.type === 'code' ? cell.model.sharedModel.source : '')"
        )
        (found,) = [number for number, source in enumerate(sources) if text in source]
        return found

    def run(self, cell: int) -> list[dict[str, Any]]:
        """Run a cell, wait for its end, and return its outputs as the notebook keeps them."""
        model = f"{NOTEBOOK}.content.widgets[{cell}].model"
        former = self.tab.evaluate(f"{model}.executionCount")
        self.tab.evaluate(
            f"""() => {{
                {NOTEBOOK}.content.activeCellIndex = {cell};
                window.jupyterapp.commands.execute('notebook:run-cell');
            }}"""
        )
        # the count comes back with the end; while it runs there is none
        until(lambda: self.tab.evaluate(f"{model}.executionCount") not in (None, former))
        self.wait_for_kernel()
        return self.tab.evaluate(f"{model}.outputs.toJSON()")

    def write(self, source: str) -> int:
        """Add a cell at the end, and return its number."""
        return self.tab.evaluate(
            f"""source => {{
                const cells = {NOTEBOOK}.content.model.sharedModel;
                cells.addCell({{cell_type: 'code', source}});
                return cells.cells.length - 1;
            }}""",
            source,
        )

    def remove(self, cell: int) -> None:
        """Remove a cell, and what it shows."""
        self.tab.evaluate(f"() => {NOTEBOOK}.content.model.sharedModel.deleteCell({cell})")

    def save(self) -> None:
        """Write the notebook to its file."""
        self.tab.evaluate(f"() => {NOTEBOOK}.context.save()")

    def restart(self) -> None:
        """Restart the kernel."""
        self.tab.evaluate(f"() => {NOTEBOOK}.sessionContext.restartKernel()")
        self.wait_for_kernel()


def _answers(server: subprocess.Popen, port: int, log: Path) -> bool:
    if server.poll() is not None:
        raise RuntimeError(f"JupyterLab ended: {log.read_text()[-2000:]}")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
