"""Which part is this? Words on paper: fonts that have every letter, and what is printed with them. Knows no slice."""
