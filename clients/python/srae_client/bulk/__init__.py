"""An archive of photos, protected on Ray Data: ``python -m srae_client.bulk --help``."""
