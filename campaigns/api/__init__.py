"""REST endpoints of this package."""
