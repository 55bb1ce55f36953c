"""Kills the command line at random moments, over all methods, and looks whether the resumed run ends the same.

    python tests/kills.py --kills 200

Each run is a fork of this process, so that no time goes into imports. It is killed by SIGKILL, at a moment of time or
before a file operation in its folder, at times once more while it resumes; then it is resumed to its end. Weights,
history and evaluations have to be those of a run that was never stopped, to the bit, and no other file may be left.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

os.environ |= {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}  # forks want one thread

METHODS = ("vanilla", "recadam", "ewc", "l2sp", "child-f", "child-d", "recadam+child-d")
STEPS, EVERY, SIZE = 8, 2, 60
OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "shutil.rmtree"}


def warm_up():
    """Import all that a run imports, and load what it loads; no data is read, which begins threads."""
    import torch

    torch.set_num_threads(1)
    import datasets
    import scipy.stats
    import sklearn.metrics
    import transformers

    import recall_learn.runs.finetune
    from recall_learn import cli
    from recall_learn.models import backbones

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    backbones.load("tiny", num_labels=2)
    return cli, recall_learn, scipy, sklearn


class Folder:
    """A place for runs: the data, the Fisher, the run of each method that was never stopped."""

    def __init__(self, root):
        self.root, self.whole = root, {}
        self.fork(["world", "task", "--task", "cola", "--size", str(SIZE), "--out", str(root / "glue")])
        common = ["--backbone", "tiny", "--task", "world/cola", "--data", str(root / "glue"), "--device", "cpu"]
        fisher = root / "fisher.safetensors"
        self.fork(["fisher", *common, "--labels", "empirical", "--limit-train", "20", "--out", str(fisher)])
        settings = ["--steps", STEPS, "--evaluate-every", EVERY, "--batch-size", 4, "--probe", "none"]
        self.settings = ["finetune", *common, *map(str, settings)]
        self.given = {"ewc": ["--fisher", str(fisher)]}

    def command(self, method, out, *more):
        early = method.replace("recadam", "recadam(k=0.5, t0=5)")
        return [*self.settings, "--method", early, *self.given.get(method, []), "--out", str(out), *more]

    def fork(self, command, kill=None, out=None):
        """Run a command in a fork; None if it was killed.

        Args:
            kill: None; ``("time", seconds)``; or ``("file", n)``, before the n-th operation in ``out``.
            out: the folder whose operations are counted.

        Returns:
            How many operations there were, and the seconds it took.
        """
        counted = self.root / "operations"
        counted.unlink(missing_ok=True)
        begun, child = time.monotonic(), os.fork()
        if not child:
            self._run(command, kill, out, counted)
        if kill and kill[0] == "time":
            time.sleep(kill[1])
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == -signal.SIGKILL and kill:
            return None
        if status:
            sys.exit(f"{' '.join(command)} ended with {status}: {(self.root / 'said').read_text()}")
        return int(counted.read_text()), time.monotonic() - begun

    def _run(self, command, kill, out, counted):
        from recall_learn import cli

        done = 0

        def watch(event, arguments):
            nonlocal done
            if event in OPERATIONS and out and isinstance(arguments[0], str | os.PathLike):
                in_a_tree = arguments[-1] != -1 and event in ("os.remove", "os.rmdir")  # by shutil.rmtree
                done += in_a_tree or str(out) in os.fspath(arguments[0])
                if kill == ("file", done):
                    os.kill(os.getpid(), signal.SIGKILL)

        status = 1
        try:
            sys.stdout = sys.stderr = (self.root / "said").open("w")
            sys.addaudithook(watch)
            status = cli.main(command)
            counted.write_text(str(done))
        finally:
            sys.stderr.flush()
            os._exit(status)

    def never_stopped(self, method):
        """The folder of that run, its operations and seconds."""
        if method not in self.whole:
            out = self.root / f"whole-{method}"
            self.whole[method] = out, *self.fork(self.command(method, out), out=out)
        return self.whole[method]

    def kill(self, method, moments):
        """Kill a run at these moments, shares of its operations or its time; what differs at its end, "" if nothing."""
        whole, operations, seconds = self.never_stopped(method)
        out, done = self.root / "run", None
        shutil.rmtree(out, ignore_errors=True)
        for kind, share in moments:
            at = (kind, share * seconds if kind == "time" else 1 + int(share * operations))
            done = self.fork(self.command(method, out, "--resume"), at, out)
            if done:
                break
        if not done:
            self.fork(self.command(method, out, "--resume"))
        return difference(whole, out)


def difference(whole, out):
    """What two folders of runs differ in, in a word."""
    files = [sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()) for root in (whole, out)]
    if files[0] != files[1]:
        return f"files: {sorted(set(files[0]) ^ set(files[1]))}"
    weights = "model/model.safetensors"
    if (whole / weights).read_bytes() != (out / weights).read_bytes():
        return "weights"
    records = [json.loads((root / "run.json").read_text()) for root in (whole, out)]
    for record in records:
        record["final"].pop("seconds")
        record["environment"] = {k: v for k, v in record["environment"].items() if k not in ("seconds", "date")}
    return ", ".join(name for name in records[0] if records[0][name] != records[1].get(name))


def moments(random, kinds):
    """When to kill a run: once, or up to three times."""
    times = random.choice((1, 1, 1, 2, 3))
    return [(random.choice(kinds), random.random()) for _ in range(times)]


def main():
    """Returns the exit status: 1 where a run ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at", choices=("time", "file", "both"), default="both")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    options = parser.parse_args()
    kinds = ("time", "file") if options.at == "both" else (options.at,)
    warm_up()
    dice, failed, begun = random.Random(options.seed), 0, time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        folder = Folder(Path(root))
        for number in range(options.kills):
            method, when = options.methods[number % len(options.methods)], moments(dice, kinds)
            what = folder.kill(method, when)
            failed += bool(what)
            shown = ", ".join(f"{kind} {share:.3f}" for kind, share in when)
            print(
                f"{number + 1:4} {time.monotonic() - begun:6.0f} s  {method:16} {shown}: {what or 'the same'}",
                flush=True,
            )
    print(f"{options.kills - failed} of {options.kills} the same")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
