"""docs/performance.md, out of the JSONs under tests/benchmarks/results/: a module a section."""
