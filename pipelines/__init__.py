"""Which nodes, in which order, and what runs them? Chains, embedded host, replay client, command line."""
