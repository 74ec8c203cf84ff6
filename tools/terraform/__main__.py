"""``python -m tools.terraform``."""

import sys

from tools.terraform.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
