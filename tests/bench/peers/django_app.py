"""How would one write this search with Django?

Run: python django_app.py PORT DATABASE_URL. A view over the ORM, one query per facet, a lasting connection.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

import django  # noqa: E402
import uvicorn  # noqa: E402
from django.conf import settings  # noqa: E402

PORT, DATABASE_URL = int(sys.argv[1]), urlsplit(sys.argv[2])
settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of a bench", USE_TZ=True, MIDDLEWARE=[],
    INSTALLED_APPS=["django.contrib.postgres"],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": DATABASE_URL.path.strip("/"), "USER": DATABASE_URL.username,
                           "HOST": parse_qs(DATABASE_URL.query)["host"][0], "CONN_MAX_AGE": None}})
django.setup()

from django.contrib.postgres.fields import ArrayField  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from peers.answer import COLUMN_OF, LIMIT, SETS, asked_for, body, wishes  # noqa: E402


class Teaser(models.Model):
    ref = models.UUIDField(primary_key=True)
    batch = models.IntegerField()
    place = models.TextField()
    industry = models.TextField()
    founded = models.TextField()
    employees = models.TextField()
    revenue = models.TextField()
    margin = models.TextField()
    codebook_version = models.TextField()
    price = models.TextField()
    schemes = ArrayField(models.TextField())
    timing = models.TextField()
    phrases = ArrayField(models.TextField())
    fiscal_year = models.SmallIntegerField()
    vocabulary_version = models.TextField()
    shuffle = models.BigIntegerField()

    class Meta:
        app_label, db_table, managed = "peer", 'peer"."teaser', False


def conditions(codes: dict[str, list[str]], but: Collection[str] = ()) -> dict[str, Any]:
    return {f"{COLUMN_OF[name]}__{'overlap' if name in SETS else 'in'}": wanted for name, wanted in codes.items() if name not in but}


def search(request: HttpRequest) -> JsonResponse:
    asked = asked_for(dict(request.GET.lists()))
    codes = wishes(asked)
    found = Teaser.objects.filter(**conditions(codes))
    certain = found.count()
    possible = Teaser.objects.filter(**conditions(wishes(asked, possible=True))).count() - certain if asked.certain else 0
    counted = []
    for name, column in COLUMN_OF.items():
        under = Teaser.objects.filter(**conditions(codes, but=[name]))
        code = models.Func(models.F(column), function="unnest") if name in SETS else models.F(column)
        counted += [(name, row["code"], row["n"]) for row in under.annotate(code=code).values("code").annotate(n=models.Count("*")).order_by()]
    rows = found.order_by("-batch", "shuffle", "ref")[:LIMIT]
    return JsonResponse(body(asked, certain, possible, counted, [each.__dict__ for each in rows]))


urlpatterns = [path("teasers", search)]

if __name__ == "__main__":
    uvicorn.run(get_asgi_application(), port=PORT, log_level="warning", loop="uvloop", http="httptools", lifespan="off")
