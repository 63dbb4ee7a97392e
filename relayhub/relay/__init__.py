"""The relay: accepts mail, keeps it safe, gets it out."""
