"""Several PostgreSQL, Redis and API processes: does anybody ever read what is too old, or an error that was nobody's?"""
