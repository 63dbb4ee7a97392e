"""What every REST endpoint shares: authentication, errors, pages, idempotency, limits."""
