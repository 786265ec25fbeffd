"""How does the evidence of an NDA become one sealed PDF? Agreement, renewals, schedule and an evidence page, set by the worker.

A version is made for every fact that joins the evidence (in force, schedule, renewal) and never changed. The worker may read what a
document says only while that document is due (`vault.nda_to_set`), and cannot read it back.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from succession import keys
from succession.config import Settings
from succession.days import JAPAN
from succession.typeset.pdf import Paper, printable
from succession.typeset.seal import seal_pdf

#: In which language a name from there is written; Latin letters look the same in all of them.
LANGUAGES = {"JP": "ja", "CN": "zh-Hans", "SG": "zh-Hans", "TW": "zh-Hant", "HK": "zh-Hant", "MO": "zh-Hant", "KR": "ko"}
REASON = "Sealed by the platform: the text, the signatures and the evidence are as recorded."
_ACTS = {"signature": "署名 / Signature", "countersignature": "開示者の署名 / Countersignature", "renewal": "更新の署名 / Signature of the renewal",
         "renewal_countersignature": "更新への開示者の署名 / Countersignature of the renewal"}
_AUTHORITIES = {"legal_representative": "法令又は登記による代表 / by law or register", "authorised_in_writing": "書面による授権 / given in writing"}
_CHANNELS = {"mail": "電子メール / e-mail", "spoken": "口頭 / spoken"}


class Signed(msgspec.Struct, frozen=True):
    act: str
    organisation: str
    name: str
    title: str
    authority: str
    email: str
    locale_shown: str
    address: str | None
    agent: str | None
    text_hash: str
    code_id: UUID
    code_channel: str
    code_issued_at: datetime
    signed_at: datetime


class Person(msgspec.Struct, frozen=True):
    name: str
    named_at: datetime
    acknowledged_at: datetime | None
    released_at: datetime | None


class Renewed(msgspec.Struct, frozen=True):
    text_ja: str
    text_en: str
    text_hash: str
    in_force_at: datetime
    new_expires_at: datetime


class Bound(msgspec.Struct, frozen=True):
    text_ja: str
    text_en: str
    text_hash: str
    ledger_entry_id: UUID
    bound_at: datetime


class OwnPaper(msgspec.Struct, frozen=True):
    content_hash: str
    signed_on: date
    signer_name: str
    signer_title: str
    side: str
    entered_at: datetime
    decided_at: datetime
    entered_by: str
    decided_by: str


class Entry(msgspec.Struct, frozen=True):
    id: UUID
    seq: int
    kind: str
    hash: str


class Evidence(msgspec.Struct, frozen=True):
    """Everything one version says. Hashes in hex (sha256), moments in UTC."""

    version: int
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    project: str
    discloser: str
    recipient: str
    recipient_country: str
    form: str
    text_ja: str
    text_en: str
    text_hash: str
    template_version: str
    offered_at: datetime
    in_force_at: datetime
    expires_at: datetime
    paper: OwnPaper | None
    signatures: list[Signed]
    members: list[Person]
    renewals: list[Renewed]
    schedules: list[Bound]
    entries: list[Entry]


# No conflict target: naming one would need a right to read what is kept here.
_INSERT = """
INSERT INTO vault.nda_document (nda_id, deal_id, listing_id, buyer_id, version, names_company, content, content_hash, seal_key_id, time_stamped)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"""


async def make_document(connection: asyncpg.Connection, settings: Settings, _outbox_id: int, payload: dict[str, Any]) -> None:
    """Set, seal and keep the version that is due; nothing when it is there already. Raises what the time-stamp server raises."""
    nda_id = UUID(payload["nda"])
    found = await connection.fetchval("SELECT vault.nda_to_set($1)::text", nda_id)
    if found is None:
        return
    evidence, seal = msgspec.json.decode(found, type=Evidence), keys.seal(settings)
    content = await asyncio.to_thread(_sealed, evidence, seal, settings.tsa_url)
    await connection.execute(
        _INSERT, nda_id, evidence.deal_id, evidence.listing_id, evidence.buyer_id, evidence.version, bool(evidence.schedules), content,
        hashlib.sha256(content).digest(), keys.key_id(seal.key.public_key()), settings.tsa_url is not None)


def _sealed(evidence: Evidence, seal: keys.Seal, tsa_url: str | None) -> bytes:
    return seal_pdf(set_document(evidence, keys.key_id(seal.key.public_key()), datetime.now(UTC)), seal, REASON, tsa_url)


def set_document(evidence: Evidence, seal_key_id: str, made_at: datetime) -> bytes:
    """The PDF of one version, not yet sealed."""
    theirs = LANGUAGES.get(evidence.recipient_country, "en")
    paper = Paper(
        f"Project {evidence.project}: non-disclosure terms", "Agreement and evidence, in Japanese and English", "ja",
        printable(f"{evidence.project}   SHA-256 {evidence.text_hash[:16]}…   v{evidence.version}"), made_at)
    _side_by_side(paper, evidence.text_ja, evidence.text_en, theirs)
    for each in (*evidence.renewals, *evidence.schedules):
        paper.rule()
        _side_by_side(paper, each.text_ja, each.text_en, theirs)
    paper.add_page()
    paper.heading("証拠 / Evidence", "ja")
    _agreement(paper, evidence, theirs, seal_key_id)
    for signed in evidence.signatures:
        _signature(paper, signed, theirs)
    _joined(paper, evidence)
    if evidence.members:
        _part(paper, "本書により閲覧する者 / Persons bound in person")
        paper.facts((person.name, _person(person), "ja") for person in _printable_people(evidence.members))
    _part(paper, "台帳の記録 / Entries of the ledger")
    paper.facts((f"{entry.seq}  {entry.kind}", f"{entry.id}\nSHA-256 {entry.hash}", "en") for entry in evidence.entries)
    return bytes(paper.output())


def _side_by_side(paper: Paper, ja: str, en: str, theirs: str) -> None:
    paper.side_by_side(zip(printable(ja).strip().split("\n\n"), printable(en).strip().split("\n\n"), strict=True), ("ja", theirs))


def _part(paper: Paper, title: str) -> None:
    paper.rule()
    paper.paragraph(title, "ja")


def _agreement(paper: Paper, evidence: Evidence, theirs: str, seal_key_id: str) -> None:
    paper.facts((
        ("プロジェクト / Project", evidence.project, "en"),
        ("開示者 / Discloser", printable(evidence.discloser), "ja"),
        ("受領者 / Recipient", printable(evidence.recipient), theirs),
        ("文面の照合値 / Text", f"SHA-256 {evidence.text_hash}", "en"),
        ("書式 / Form", f"{evidence.form}, edition {evidence.template_version[:16]}", "en"),
        ("提示 / Offered", _moment(evidence.offered_at), "en"),
        ("発効 / In force", _moment(evidence.in_force_at), "en"),
        ("満了 / Ends", _moment(evidence.expires_at), "en"),
        ("電子印 / Seal", f"platform key {seal_key_id}", "en"),
    ))
    if own := evidence.paper:
        _part(paper, "自社書式 / A party's own paper")
        paper.facts((
            ("PDF", f"SHA-256 {own.content_hash}", "en"),
            ("署名日 / Signed on", own.signed_on.isoformat(), "en"),
            ("署名者 / Signer", printable(f"{own.signer_name}, {own.signer_title}"), theirs),
            ("提出 / Handed in", printable(f"{own.entered_by} ({own.side}), {_moment(own.entered_at)}"), theirs if own.side == "buyer" else "ja"),
            ("確認 / Confirmed by", printable(f"{own.decided_by}, {_moment(own.decided_at)}"), "ja"),
        ))


def _signature(paper: Paper, signed: Signed, theirs: str) -> None:
    language = theirs if signed.act in ("signature", "renewal") else "ja"
    _part(paper, _ACTS[signed.act])
    paper.facts((
        ("署名者 / Signer", printable(f"{signed.name}, {signed.title}"), language),
        ("所属 / For", printable(signed.organisation), language),
        ("権限 / Authority", _AUTHORITIES[signed.authority], "ja"),
        ("日時 / At", _moment(signed.signed_at), "en"),
        ("表示言語 / Language shown", signed.locale_shown, "en"),
        ("接続元 / From", printable(f"{signed.address or '-'}\n{signed.agent or '-'}"), "en"),
        ("文面の照合値 / Text", f"SHA-256 {signed.text_hash}", "en"),
        ("確認番号 / Code", f"{signed.code_id}\n{_CHANNELS[signed.code_channel]}: {signed.email}\n{_moment(signed.code_issued_at)}", "ja"),
    ))


def _joined(paper: Paper, evidence: Evidence) -> None:
    for each in evidence.renewals:
        _part(paper, "更新 / Renewal")
        paper.facts((("文面の照合値 / Text", f"SHA-256 {each.text_hash}", "en"), ("発効 / In force", _moment(each.in_force_at), "en"),
                     ("満了 / Ends", _moment(each.new_expires_at), "en")))
    for each in evidence.schedules:
        _part(paper, "別紙 / Schedule")
        paper.facts((("文面の照合値 / Text", f"SHA-256 {each.text_hash}", "en"), ("作成 / Bound", _moment(each.bound_at), "en"),
                     ("台帳 / Ledger entry", str(each.ledger_entry_id), "en")))


def _printable_people(people: list[Person]) -> list[Person]:
    return [msgspec.structs.replace(person, name=printable(person.name)) for person in people]


def _person(person: Person) -> str:
    said = [f"指名 / named {_moment(person.named_at)}"]
    if person.acknowledged_at:
        said.append(f"確認 / acknowledged {_moment(person.acknowledged_at)}")
    if person.released_at:
        said.append(f"解除 / released {_moment(person.released_at)}")
    return "\n".join(said)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC ({at.astimezone(JAPAN):%Y-%m-%d %H:%M} JST)"
