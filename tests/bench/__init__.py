"""Benchmarks beside peers on the same machine: `make bench`, described in README.md here."""
