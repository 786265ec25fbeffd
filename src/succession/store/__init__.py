"""Which part is this? Where the bytes of documents are kept: sealed frame by frame under a key per listing, in a directory or S3."""
