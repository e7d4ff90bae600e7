"""What a user would take instead of SRAE, measured beside it: attacks made for each photo, and other model servers."""

import os

# As services/inference/embedded.py has it, for everyone: before anything loads torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
