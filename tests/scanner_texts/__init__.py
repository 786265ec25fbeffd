"""Which texts is the scanner measured on? See README.md beside this file."""
