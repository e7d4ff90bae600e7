"""What a user would take instead of SRAE, measured beside it: attacks made for each photo, and other model servers."""
