"""Checkers for `--auth`, beside those that come with Twisted."""
