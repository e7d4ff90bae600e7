"""``python -m srae_client`` is the command ``srae``."""

import sys

from srae_client.main import main

if __name__ == "__main__":
    sys.exit(main())
