"""With which rows did the past deals of the demo leave their mark: requests, papers, consents, ledger, grants, events?

Written by the seeding role without a scope, so no trigger asks for a session; all of them still ask for the step before:
a grant without its ledger entry, a stage without its event, an NDA without a screening are refused here as anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from succession.days import add_months, day_in_japan
from succession.deals.lifecycle import STAGE_NUMBERS, TRANSITIONS, evidence_kind
from succession.deals.obligations import ClosingFacts, obligations_for
from succession.demo.history import BUYERS, END_ACTIONS, Asked, Past, plan_past
from succession.demo.market import NO_PERSON
from succession.demo.people import Account, Accounts
from succession.disclosure.canonical import encode
from succession.disclosure.nda_text import Parties, Terms, nda_text, template_version
from succession.disclosure.owner_words import ScreeningOutcome, screening_words
from succession.disclosure.project_names import draw_project_name

TERM_MONTHS = 24
GRANT_DAYS = 180
COUNSEL = "架空 弁護士"
_STEP = {(t.from_stage, t.to_stage): t for t in TRANSITIONS}
_ORDER = ("deal", "screening", "nda", "nda_member", "name_clear", "ledger_entry", "disclosure_grant", "deal_event", "foreign_investment_filing",
          "obligation")  # fmt: skip

_TEASERS = """
SELECT p.ref, p.listing_id, l.intermediary_id, p.audiences, p.published_at, k.representative_name AS owner, f.guarantees::text,
       array_remove(array_agg(e.kind || chr(9) || lower(e.value)), NULL) AS excludes
FROM vault.publication p JOIN vault.listing l ON l.id = p.listing_id
JOIN vault.listing_contact k ON k.listing_id = l.id JOIN vault.listing_profile f ON f.listing_id = l.id
LEFT JOIN vault.exclusion e ON e.listing_id = l.id
WHERE p.state = 'published' GROUP BY p.ref, p.listing_id, l.intermediary_id, p.audiences, p.published_at, k.representative_name,
      f.guarantees::text, l.internal_reference
ORDER BY l.internal_reference, p.listing_id
"""
_KEYS = "SELECT kind, lower(value) AS value FROM vault.organisation_key WHERE organisation_id = $1"


async def enter_history(seeder: asyncpg.Connection, accounts: Accounts, seed: int, now: datetime) -> int:
    """Plan and enter the past; returns how many deals. `seeder` works as succession_seeder inside a transaction."""
    teasers = [_asked(row) for row in await seeder.fetch(_TEASERS)]
    excluded_for = {buyer: frozenset((row["kind"], row["value"]) for row in await seeder.fetch(_KEYS, accounts[buyer].organisation_id))
                    for buyer in BUYERS}
    past = plan_past(teasers, excluded_for, seed, now)
    names = await _project_names(seeder, len(past))
    legal = {row["id"]: row for row in await seeder.fetch("SELECT id, legal_name, country FROM vault.organisation")}
    tables: dict[str, list[dict[str, Any]]] = {}
    for deal, name in zip(past, names, strict=True):
        for table, row in _Rows(deal, name, accounts, legal).all():
            tables.setdefault(table, []).append(row)
    tables["ledger_entry"].sort(key=lambda row: row.pop("at"))  # a chain is written in the order of time
    for table in _ORDER:
        if rows := tables.get(table):
            await seeder.copy_records_to_table(table, schema_name="vault", columns=list(rows[0]), records=[list(r.values()) for r in rows])
    await _finish(seeder, past, tables["deal"], now)
    return len(past)


def _asked(row: asyncpg.Record) -> Asked:
    lenders = tuple(guarantee["lender"] for guarantee in msgspec.json.decode(row["guarantees"] or "[]"))
    excludes = frozenset(tuple(each.split("\t")) for each in row["excludes"])
    return Asked(row["ref"], row["listing_id"], row["intermediary_id"], row["audiences"], row["published_at"], row["owner"],
                 lenders, excludes)


async def _project_names(seeder: asyncpg.Connection, count: int) -> list[str]:
    taken = {row["project_name"] for row in await seeder.fetch("SELECT project_name FROM vault.deal")}
    names: dict[str, None] = {}
    while len(names) < count:
        if (name := draw_project_name()) not in taken:
            names[name] = None
    return list(names)


class _Rows:
    """The rows of one past deal. Every table's rows have the same columns, so that they can be copied in bulk."""

    def __init__(self, past: Past, project: str, accounts: Accounts, legal: dict[UUID, asyncpg.Record]) -> None:
        self.past, self.project, self.legal = past, project, legal
        self.buyer = accounts[past.buyer]
        self.seller = next(each for each in accounts.accounts if each.organisation_id == past.asked.intermediary_id)
        self.id, self.screening, self.nda, self.name_clear, self.grant, self.released = (uuid4() for _ in range(6))
        self.keys = {"deal_id": self.id, "listing_id": past.asked.listing_id, "buyer_id": self.buyer.organisation_id}

    def all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        past, at = self.past, self.past.at
        yield "deal", {
            "id": self.id, "listing_id": past.asked.listing_id, "intermediary_id": past.asked.intermediary_id,
            "buyer_id": self.buyer.organisation_id, "teaser_ref": past.asked.ref, "origin": "direct", "project_name": self.project,
            "purpose": "Demo data: a past request.", "requested_by": self.buyer.member_id, "requested_at": past.requested_at}  # fmt: skip
        yield self._entry("request_opened", past.requested_at, self.buyer, {
            "buyer_id": self.buyer.organisation_id, "origin": "direct", "teaser_ref": past.asked.ref, "representative_id": None})
        if "screened" in at:
            yield from self._screening(at["screened"])
        if "nda_signed" in at:
            yield from self._nda(at["nda_signed"])
        if past.terminal == "name_clear_refused":
            yield from self._name_clear(past.ended_at - timedelta(days=2), past.ended_at, "no")
        if "name_cleared" in at:
            yield from self._name_clear(at["asked"], at["name_cleared"], "yes")
        if "im_disclosed" in at:
            yield from self._release(at["im_disclosed"])
        yield from self._events()
        if "closing" in at:
            yield from self._closed(at["closing"])

    def _entry(self, kind: str, at: datetime, by: Account | None, fields: dict[str, Any], entry_id: UUID | None = None) -> Any:
        """As disclosure/ledger.py writes it, without commitments: there are no people to commit to."""
        entry_id = entry_id or uuid4()
        actor = {"kind": "owner", "organisation_id": None, "member_id": None} if by is None else {
            "kind": "acquirer" if by is self.buyer else "intermediary", "organisation_id": by.organisation_id, "member_id": by.member_id}
        body = encode({**fields, "entry_id": entry_id, "listing_id": self.past.asked.listing_id, "deal_id": self.id, "kind": kind,
                       "at": at, "actor": actor, "commitments": []})
        return "ledger_entry", {"id": entry_id, "listing_id": self.past.asked.listing_id, "seq": 0, "kind": kind, "deal_id": self.id,
                                "body": body, "prev": b"", "hash": b"", "at": at}

    def _screening(self, at: datetime) -> Iterator[Any]:
        ja, en = screening_words(ScreeningOutcome("cleared", "Demo", day_in_japan(at), (), 0, None, None, None, False))
        yield "screening", {
            "id": self.screening, **self.keys, "lists": "[]", "candidates": "[]", "decision": "cleared", "words_for_owner": ja,
            "words_for_owner_en": en, "decided_by": self.seller.member_id, "decided_at": at,
            "expires_at": at + timedelta(days=181)}  # fmt: skip
        yield self._entry("screening_decided", at, self.seller, {
            "screening_id": self.screening, "decision": "cleared", "reason": None, "likenesses": 0, "lists": []})

    def _nda(self, at: datetime) -> Iterator[Any]:
        offered = at - timedelta(days=1)
        discloser, recipient = (self.legal[each.organisation_id] for each in (self.seller, self.buyer))
        parties = Parties(self.project, discloser["legal_name"], recipient["legal_name"], recipient["country"])
        text = nda_text(Terms("one_way", TERM_MONTHS), parties, day_in_japan(offered))
        expires = datetime.combine(add_months(at.date(), TERM_MONTHS), at.timetz())
        yield "nda", {
            "id": self.nda, **self.keys, "screening_id": self.screening, "form": "one_way", "template_version": template_version(),
            "text_ja": text.ja, "text_en": text.en, "text_hash": text.hash, "term_months": TERM_MONTHS,
            "offered_by": self.seller.member_id, "offered_at": offered, "signer_member_id": self.buyer.member_id,
            "signer_name": "Demo Signer", "signer_title": "Director", "locale_shown": "en", "address": "192.0.2.1",
            "agent": NO_PERSON, "signer_authority": "legal_representative", "signed_at": at, "in_force_at": at, "expires_at": expires}  # fmt: skip
        yield "nda_member", {
            "nda_id": self.nda, "deal_id": self.id, "organisation_id": self.buyer.organisation_id, "member_id": self.buyer.member_id,
            "name": "Demo Signer", "named_by": self.buyer.member_id, "named_at": at, "acknowledged_at": at,
            "acknowledged_hash": text.hash}  # fmt: skip
        yield self._entry("nda_offered", offered, self.seller, {
            "nda_id": self.nda, "form": "one_way", "template_version": template_version(), "term_months": TERM_MONTHS})
        yield self._entry("nda_signed", at, self.buyer, {
            "nda_id": self.nda, "signed_at": at, "expires_at": expires, "locale_shown": "en"})

    def _name_clear(self, asked: datetime, decided: datetime, decision: str) -> Iterator[Any]:
        words = f"デモ用の過去の照会です。{self.legal[self.buyer.organisation_id]['legal_name']}に社名を開示してよいですか。"
        yield "name_clear", {
            "id": self.name_clear, **self.keys, "nda_id": self.nda, "screening_id": self.screening, "shown": "{}",
            "shown_text_ja": words, "shown_hash": hashlib.sha256(words.encode()).digest(), "asked_by": self.seller.member_id,
            "asked_at": asked, "decision": decision, "decided_at": decided, "decided_by": self.past.asked.owner, "method": "link",
            "evidence": msgspec.json.encode({"note": NO_PERSON}).decode(), "expires_at": asked + timedelta(days=118)}  # fmt: skip
        yield self._entry("name_clear_asked", asked, self.seller, {
            "name_clear_id": self.name_clear, "nda_id": self.nda, "screening_id": self.screening})
        yield self._entry("name_clear_decided", decided, None, {"name_clear_id": self.name_clear, "decision": decision})

    def _release(self, at: datetime) -> Iterator[Any]:
        expires = at + timedelta(days=GRANT_DAYS)
        yield self._entry("released", at, self.seller, {
            "grant_id": self.grant, "level": "dossier", "buyer_id": self.buyer.organisation_id, "nda_id": self.nda,
            "name_clear_id": self.name_clear, "screening_id": self.screening, "expires_at": expires}, self.released)
        yield "disclosure_grant", {
            "id": self.grant, **self.keys, "level": "dossier", "nda_id": self.nda, "name_clear_id": self.name_clear,
            "ledger_entry_id": self.released, "granted_by": self.seller.member_id, "granted_at": at, "expires_at": expires}  # fmt: skip

    def _events(self) -> Iterator[Any]:
        """The steps of the road, and the end."""
        past, stage, seq = self.past, "im_disclosed", 0
        for step, at in past.at.items():
            if STAGE_NUMBERS.get(step, 0) <= STAGE_NUMBERS["im_disclosed"]:
                continue
            seq += 1
            yield from self._event(seq, stage, _STEP[stage, step].action, step, at, None)
            stage = step
        if past.terminal:
            yield from self._event(seq + 1, past.stage, END_ACTIONS[past.terminal], past.terminal, past.ended_at, past.reason)

    def _event(self, seq: int, stage: str, action: str, to: str, at: datetime, reason: str | None) -> Iterator[Any]:
        by = None if action == "refuse_name_clear" else self.buyer if action == "withdraw_buyer" else self.seller
        kind = "owner" if by is None else "acquirer" if by is self.buyer else "intermediary"
        evidence = {name: self._evidence(name, at) for name in _STEP[stage, to].evidence}
        yield "deal_event", {
            "deal_id": self.id, "seq": seq, "from_stage": stage, "action": action, "to_stage": to, "actor_kind": kind,
            "organisation_id": by and by.organisation_id, "member_id": by and by.member_id,
            "evidence": msgspec.json.encode(evidence).decode(), "reason": reason, "at": at}  # fmt: skip
        yield self._entry("stage", at, by, {
            "seq_of_deal": seq, "from_stage": stage, "action": action, "to_stage": to, "reason": reason})

    def _evidence(self, field: str, at: datetime) -> Any:
        kind = evidence_kind(field)
        made_up = {"sha256": hashlib.sha256(b"demo").hexdigest(), "yen": 100_000_000, "scheme": "share_transfer", "text": "demo",
                   "day": day_in_japan(at).isoformat(), "plan": self._plans(at)}  # fmt: skip
        return made_up[kind]

    def _plans(self, at: datetime) -> list[dict[str, str]]:
        due = (day_in_japan(at) + timedelta(days=60)).isoformat()
        return [{"lender": lender, "measure": "release", "due_on": due} for lender in self.past.asked.lenders]

    def _closed(self, at: datetime) -> Iterator[Any]:
        """The foreign-investment record that a closing asks for, and what is owed after it."""
        closed_on, done = day_in_japan(at), self.past.terminal == "completed"
        yield "foreign_investment_filing", {
            "deal_id": self.id, "hint": "{}", "declared": "post_report_only", "confirmed_by": COUNSEL,
            "confirmed_on": closed_on - timedelta(days=5)}  # fmt: skip
        facts = msgspec.convert({"closed_on": closed_on, "filing_declared": "post_report_only", "officers_change": True,
                                 "guarantee_plans": self._plans(at), "agreed": []}, ClosingFacts)
        for owed in obligations_for(facts):
            yield "obligation", {
                "id": uuid4(), "deal_id": self.id, "kind": owed.kind, "detail": owed.detail or None, "due_on": owed.due_on,
                "state": "evidenced" if done else "open", "evidence": '{"document": "demo"}' if done else None,
                "done_on": closed_on + timedelta(days=3) if done else None, "confirmed_by": COUNSEL if done else None}  # fmt: skip


_STAGE = ("""UPDATE vault.deal SET stage = $2, furthest = $3, terminal = $4, terminal_reason = $5, closed_at = $6,
          version = version + 1 WHERE id = $1""")
_SUCCEEDED = "UPDATE vault.listing SET state = 'succeeded', version = version + 1, updated_at = $2 WHERE id = $1"
_DOWN = "UPDATE vault.publication SET state = 'taken_down', taken_down_at = $2, take_down_reason = 'succeeded' WHERE ref = $1"


async def _finish(seeder: asyncpg.Connection, past: Sequence[Past], deals: Sequence[dict[str, Any]], now: datetime) -> None:
    """Stage and end of each deal, once everything they rest on is there; a company handed over leaves the market."""
    moved, handed = [], []
    for deal, row in zip(past, deals, strict=True):
        stage = deal.stage if STAGE_NUMBERS[deal.stage] > STAGE_NUMBERS["im_disclosed"] else None
        if stage or deal.terminal:
            moved.append((row["id"], stage, deal.stage, deal.terminal, deal.reason, deal.ended_at))
        if "closing" in deal.at:
            handed.append((deal.asked, deal.at["closing"]))
    await seeder.executemany(_STAGE, moved)
    await seeder.executemany(_SUCCEEDED, [(asked.listing_id, at) for asked, at in handed])
    await seeder.executemany(_DOWN, [(asked.ref, at) for asked, at in handed])
