"""The relay's pages."""
