"""How does a page become HTML in its reader's language? Templates are escaped; a forgotten variable is an error."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from litestar.enums import MediaType

from succession.i18n import translator


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("succession.pages"), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True)


def page(template: str, locale: str, status_code: int = 200, **values: object) -> Response[str]:
    """`template` under pages/templates with `_` bound to the locale. Forms on it may say where they come from: the
    address of the page itself goes to nobody else (it may hold a secret)."""
    html = _environment().get_template(template).render(_=translator(locale), locale=locale, **values)
    headers = {"Content-Language": locale, "Referrer-Policy": "same-origin"}
    return Response(html, status_code=status_code, media_type=MediaType.HTML, headers=headers)
