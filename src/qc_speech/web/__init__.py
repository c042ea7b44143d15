"""The review app: people read calls, decide on findings and answer to them. It reads the store and
writes only what people say; it needs no engine and no GPU."""
