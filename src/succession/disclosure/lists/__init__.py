"""Which names do published lists hold, whatever file they come in, and how does a list become its next version?"""
