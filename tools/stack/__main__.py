"""``python -m tools.stack``."""

import sys

from tools.stack.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
