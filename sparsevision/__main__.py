"""`python -m sparsevision TOOL ...`, the same as the command `sparsevision`."""

import sys

from sparsevision.console import main

if __name__ == "__main__":
    sys.exit(main())
