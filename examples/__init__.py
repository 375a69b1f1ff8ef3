"""Programs to start from; each has a configuration in `etc/`."""
