"""The marketer's pages."""
