"""Which characters may a typed text hold?

Control characters PostgreSQL cannot keep or nobody types; marks that turn the direction of writing or take no width
make a text read otherwise than it is stored, which no owner or buyer should have to suspect. Joiners stay: emoji and
several scripts are written with them. Patterns for `msgspec.Meta(pattern=...)`.
"""

from __future__ import annotations

import re

# Escapes stay escapes, so that the OpenAPI document can print them.
INVISIBLE = r"\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_REFUSED = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff" + INVISIBLE

#: Several lines.
PROSE = rf"^[^{_REFUSED}]*$"
#: One line, perhaps empty.
LINE = rf"^[^{_REFUSED}\t\n\r]*$"
#: One line with something to read on it.
NAME = rf"^[^{_REFUSED}\t\n\r]*[^{_REFUSED}\s][^{_REFUSED}\t\n\r]*$"
#: A file's name with its ending: no path, and no mark that turns `fdp.exe` into `exe.pdf`.
FILE_NAME = rf"^[^{_REFUSED}\t\n\r/\\]+\.[A-Za-z]{{3,4}}$"

UNWANTED = re.compile(rf"[{_REFUSED}\t\n\r]")
