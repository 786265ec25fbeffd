"""Which parameters may a handler ask for, and where do they come from? Names and types; the providers are in app.py.

Exactly one of `read` and `tx` per handler: two generator dependencies would be cleaned up concurrently.
"""

from __future__ import annotations

import asyncpg
from litestar.di import NamedDependency
from redis.client import AbstractRedis
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor, Sessions
from succession.config import Settings
from succession.database import Databases
from succession.store.vault import Vault

Who = NamedDependency[Actor]  # actor: who is asking
Locale = NamedDependency[str]  # locale: the reader's language
Read = NamedDependency[asyncpg.Connection]  # read: scoped, read-only
Tx = NamedDependency[AsyncSession]  # tx: the unit of work
Pools = NamedDependency[Databases]  # databases: the audience pools
Memory = NamedDependency[AbstractRedis]  # redis: one, or a Cluster
Config = NamedDependency[Settings]  # settings
Cookies = NamedDependency[Sessions]  # sessions
Store = NamedDependency[Vault]  # store: documents, and what opens them
