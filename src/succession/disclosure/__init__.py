"""Which slice is this? Disclosure: who may learn a name, on which four causes, and how it is evidenced."""
