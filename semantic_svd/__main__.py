"""`python -m semantic_svd`: the command."""

import sys

from semantic_svd.cli import main

if __name__ == "__main__":
    sys.exit(main())
