"""Run the command line: `python -m bot` is `whybot`."""

import sys

from bot.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
