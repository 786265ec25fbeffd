"""A whole market on one machine: fictitious people and companies, every process, and one deal walked over HTTP."""
