"""The SMTP listeners: an asyncio edge around the pure `protocol.smtp_server` sessions."""
