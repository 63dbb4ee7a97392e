"""Whether and how we may send: domains, keys, DNS facts, suppression."""
