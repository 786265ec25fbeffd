"""Which slice is this? Metrics: what agencies may count, and which cells stay hidden so that nobody is counted out."""
