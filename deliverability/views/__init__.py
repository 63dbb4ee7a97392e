"""The deliverability pages."""
