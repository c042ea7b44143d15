"""The review queue: which calls a person looks at next, and who of several people."""
