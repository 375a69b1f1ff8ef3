"""The command line `twisted-rpc`."""
