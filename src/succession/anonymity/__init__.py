"""What may a teaser show, and which companies of the reference population share it?"""
