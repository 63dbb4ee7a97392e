"""Pages for the people who get mail: leave, preferences, sign-up, view in browser, archive."""
