"""How does a letter leave the house: to whom, in which language, by relay or into a folder?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import asyncpg

from succession.config import Settings
from succession.letters import compose

SMTP_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Recipient:
    address: str
    locale: str


_MEMBER = "SELECT email, locale FROM vault.member WHERE id = $1 AND status <> 'left'"
_FAN_OUT = """
INSERT INTO ops.outbox (topic, payload, dedupe_key)
SELECT 'mail', jsonb_set($2::jsonb, '{to}', jsonb_build_object('member', id)), 'outbox:' || $3::text || ':' || id
FROM vault.member WHERE organisation_id = $1 AND status = 'active'
ON CONFLICT (dedupe_key) DO NOTHING
"""


async def deliver_mail(connection: asyncpg.Connection, settings: Settings, outbox_id: int, payload: dict[str, Any]) -> None:
    """Send one letter, or for an organisation record one for each active member: whom one failure must not write to twice.

    Who has left gets nothing. Raises OSError or aiosmtplib.SMTPException when it has to be tried again.
    """
    to = payload["to"]
    if to.get("organisation"):
        await connection.execute(_FAN_OUT, to["organisation"], payload, str(outbox_id))
        return
    recipient = await _recipient(connection, settings, payload)
    if recipient is None:
        return
    letter = compose_letter(settings, outbox_id, payload["template"], payload["params"], recipient)
    if settings.smtp_url:
        await _relay(settings.smtp_url, letter)
    else:
        put_into_folder(settings.mail_dir, f"{outbox_id:08d}-{payload['template']}", letter)


async def _recipient(connection: asyncpg.Connection, settings: Settings, payload: dict[str, Any]) -> Recipient | None:
    to, chosen = payload["to"], payload.get("locale")
    if to.get("address"):
        return Recipient(to["address"], chosen or settings.locale)
    row = await connection.fetchrow(_MEMBER, to["member"])
    return row and Recipient(row["email"], chosen or row["locale"])


def compose_letter(settings: Settings, outbox_id: int, template: str, params: dict[str, Any], recipient: Recipient) -> EmailMessage:
    """The message; sent twice it has the same Message-ID, so that a mailbox can tell."""
    subject, body = compose(template, params, recipient.locale)
    letter = EmailMessage(policy=SMTP)
    letter["From"], letter["To"], letter["Subject"] = settings.mail_from, recipient.address, subject
    letter["Date"] = datetime.now(UTC)
    letter["Message-ID"] = f"<outbox-{outbox_id}@{urlsplit(settings.public_url).hostname}>"
    letter["Auto-Submitted"] = "auto-generated"
    if link := params.get("unsubscribe_link"):  # RFC 8058; that both headers are signed (DKIM) is the relay's part
        letter["List-Unsubscribe"], letter["List-Unsubscribe-Post"] = f"<{link}>", "List-Unsubscribe=One-Click"
    letter.set_content(body)
    letter["Content-Language"] = recipient.locale  # after the content, which takes every Content- header with it
    return letter


async def _relay(url: str, letter: EmailMessage) -> None:
    """smtps:// is TLS from the start; smtp:// takes STARTTLS where offered, and insists on it when it has a password."""
    parts = urlsplit(url)
    secret = unquote(parts.password) if parts.password else None
    await aiosmtplib.send(
        letter, hostname=parts.hostname, port=parts.port, timeout=SMTP_TIMEOUT_S,
        username=unquote(parts.username) if parts.username else None, password=secret,
        use_tls=parts.scheme == "smtps", start_tls=True if secret and parts.scheme == "smtp" else None,
    )


def put_into_folder(folder: Path, name: str, letter: EmailMessage) -> None:
    """`<name>.eml` for a mail program and `<name>.txt` for an editor; whole or not at all, readable by us alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    plain = f"To: {letter['To']}\nSubject: {letter['Subject']}\n\n{letter.get_content()}".replace("\r\n", "\n")
    for ending, content in ((".eml", letter.as_bytes()), (".txt", plain.encode())):
        draft = folder / f".{name}{ending}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(content)
        draft.replace(folder / f"{name}{ending}")
