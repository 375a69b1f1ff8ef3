"""A daemon among clients that fail in every way: `python -m tests.soak`."""
