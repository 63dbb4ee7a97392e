"""Forms of the marketer's pages: shapes only, services decide."""
