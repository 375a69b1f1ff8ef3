"""Bytes of a transport to a `Connection` and back, one file each."""
