"""The log: events become lines, and lines go somewhere that cannot hold up the daemon."""
