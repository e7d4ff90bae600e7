"""``python -m srae_host`` is the command ``srae-host``."""

import sys

from srae_host.main import main

if __name__ == "__main__":
    sys.exit(main())
