"""``python -m recall_learn.cli``."""

import sys

from recall_learn.cli import main

if __name__ == "__main__":
    sys.exit(main())
