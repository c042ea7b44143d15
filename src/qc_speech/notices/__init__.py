"""The morning summary to robots, mailboxes and webhooks: figures and a link, nobody's data."""
