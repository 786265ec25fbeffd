"""What is this package? Succession: anonymous teasers, stepwise disclosure, deals to the released guarantee."""

__version__ = "0.1.0"
