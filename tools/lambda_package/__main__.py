"""``python -m tools.lambda_package``."""

import sys

from tools.lambda_package.cli import main

sys.exit(main(sys.argv[1:]))
