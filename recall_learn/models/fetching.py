"""The hub's client in a process of its own, which can be ended whatever it waits for; `hub` runs it.

What to fetch comes as JSON on standard input. Each line on standard output says in JSON what has happened: "ready" when
the client is loaded, "found" when the hub knows the repository, "moved" when bytes have arrived, and at the end
"folder", or "error" with "missing" for a repository that is not there.
"""

import json
import os
import sys


def main() -> None:
    """Fetch what standard input asks for."""
    asked, lines = json.load(sys.stdin), os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the client prints is no line of ours

    def say(**what: object) -> None:
        print(json.dumps(what), file=lines, flush=True)

    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):
        """The client's progress bar, which also says that something has arrived."""

        def update(self, n=1):
            say(moved=n)
            return super().update(n)

    constants.DOWNLOAD_CHUNK_SIZE = 1 << 16  # so much at a time: "moved" is said of a slow line, too
    repo, found = {"repo_id": asked["repo_id"], "repo_type": asked["repo_type"]}, False
    say(ready=True)
    try:
        HfApi(endpoint=asked["endpoint"]).repo_info(**repo)
        found = True
        say(found=True)
        options = {"allow_patterns": asked["patterns"], "endpoint": asked["endpoint"], "tqdm_class": Bar}
        say(folder=snapshot_download(**repo, **options))
    except Exception as error:  # the client's errors have no common base, and change with its http library
        text = (str(error).strip().splitlines() or [""])[0][:200]
        said = f"{type(error).__name__}: {text}" if text else type(error).__name__
        say(error=said, found=found, missing=isinstance(error, RepositoryNotFoundError))


if __name__ == "__main__":
    main()
