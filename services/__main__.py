"""python -m services"""

import sys

from services.server import main

sys.exit(main())
