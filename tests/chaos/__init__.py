"""Kill what serves while it serves: is anything ever half done, and does it come back by itself?"""
