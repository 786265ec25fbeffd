"""What do the codes of this field mean: industries, places, bands, countries, reasons?"""

from succession.codes.attributes import (
    ANY,
    ATTRIBUTES,
    BANDS,
    LEVELS,
    ancestors,
    employees_band,
    founded_band,
    inside,
    leaves,
    level_of,
    margin_band,
    price_band,
    revenue_band,
)
from succession.codes.audience import AUDIENCE_BIT, audience_mask, audiences_in
from succession.codes.industry import division_of, is_administrative, jsic_two_digit
from succession.codes.names import NAME_LOCALES, translated
from succession.codes.reference import read_table, source_of, table_of
from succession.codes.schemes import SCHEMES, Code, Scheme, label

__all__ = [
    "ANY",
    "ATTRIBUTES",
    "AUDIENCE_BIT",
    "BANDS",
    "LEVELS",
    "NAME_LOCALES",
    "SCHEMES",
    "Code",
    "Scheme",
    "ancestors",
    "audience_mask",
    "audiences_in",
    "division_of",
    "employees_band",
    "founded_band",
    "inside",
    "is_administrative",
    "jsic_two_digit",
    "label",
    "leaves",
    "level_of",
    "margin_band",
    "price_band",
    "read_table",
    "revenue_band",
    "source_of",
    "table_of",
    "translated",
]
