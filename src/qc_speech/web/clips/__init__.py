"""Training clips in the review app: search, hear, collect, hand out."""
