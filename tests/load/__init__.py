"""Load on a real server: generators, a curve, an overload, a soak, replicas. `python -m tests.load --help` says how."""
