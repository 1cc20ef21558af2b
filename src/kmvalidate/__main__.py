"""``python -m kmvalidate``: the command line, where the console script is not on the path."""

import sys

from kmvalidate.cli import main

if __name__ == "__main__":
    sys.exit(main())
