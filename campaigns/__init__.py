"""Who should hear what and when: contacts, lists, templates, campaigns."""
