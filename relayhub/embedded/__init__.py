"""The embedded servers and the supervisor: PostgreSQL and Valkey from wheels, started by us."""
