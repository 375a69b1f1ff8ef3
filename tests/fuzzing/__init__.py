"""Searches for input that the daemon does not stand: `python -m tests.fuzzing`."""
