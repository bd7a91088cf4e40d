"""python -m ttfs."""

import sys

from ttfs.cli.cli import main

if __name__ == "__main__":
    sys.exit(main())
