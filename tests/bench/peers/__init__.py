"""Programs that others use for the same work, each with a configuration of its own and the loopback alone."""
