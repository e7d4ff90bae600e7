"""A real Triton server where there is no container engine: fetched from PyPI, started, watched and stopped."""
