"""Checkers for `--auth` and `enable_auth`: whose credentials these are.

One module for each kind: `htpasswd` and `tokens` keep hashes in files, `jwt` verifies signed
tokens, `certificates` and `unix_peers` read what TLS and the kernel have proved.
"""
