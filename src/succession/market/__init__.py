"""The public side: published teasers, their search, facets, saved criteria and matching."""
