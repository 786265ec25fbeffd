"""What is a deal called before the company may be named? Two words and a number, drawn by lot: a name tells nothing.

Nothing about the listing goes in, so nothing can come out. The words avoid trades, places, sizes, ages and nations.
"""

from __future__ import annotations

import secrets

ADJECTIVES = tuple((
    "amber azure balanced bold brisk bright calm candid clear clever constant cordial crisp curious daring direct eager "
    "earnest even fair fleet fluent fond frank free gentle genial glad golden graceful grand hale happy hardy honest "
    "humble indigo jade jolly keen kind lasting level light lively loyal lucid lunar mellow merry mild modest neat nimble "
    "noble open patient placid plain polite prime proud pure quick quiet rapid ready regal robust rosy serene sharp "
    "silent silver simple sincere smooth solar solid sound stable steady still subtle sunny swift tranquil true upright "
    "valiant verdant vivid warm willing wise witty zestful"
).split())
NOUNS = tuple((
    "anchor apex arc arrow aurora beacon bell breeze bridge canopy cascade chord circle cloud comet compass corona crest "
    "crescent dawn delta dial dome drift dusk echo ember epoch equinox falcon feather flame galaxy gale glacier glade "
    "halo harp heron horizon ibis iris key kite lantern lark laurel lotus lyre maple meadow meridian meteor "
    "mist moon nebula nova oak orbit oriole osprey path peak pebble pendulum pine plover prism pulsar quartz quill "
    "rainbow raven ripple robin sail saturn sky solstice sparrow sphere spiral spring spruce star stone summit swallow "
    "tempo thistle tide trail vale vega vertex vista wave willow wind wren zenith zephyr"
).split())


def draw_project_name() -> str:
    """One of about 900,000 names, by the system's random source; uniqueness is the database's answer."""
    number = 10 + secrets.randbelow(90)
    return f"{secrets.choice(ADJECTIVES).title()} {secrets.choice(NOUNS).title()} {number}"
