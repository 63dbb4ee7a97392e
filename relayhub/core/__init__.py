"""Shared foundation: what knows no mail."""
