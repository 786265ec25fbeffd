"""The people: organisations, members, sessions, API keys, verification."""
