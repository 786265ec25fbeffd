"""Which part is this? Programs that read what strangers uploaded, in processes of their own: without keys, database or environment."""
