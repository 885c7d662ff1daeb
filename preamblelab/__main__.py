"""`python -m preamblelab` is the command line."""

import sys

try:
    from preamblelab.cli import main
except KeyboardInterrupt:
    sys.stderr.write("interrupted: nothing was begun\n")
    sys.exit(130)

main()
