"""From a Center's spreadsheet to a teaser that its owner allowed: the first half of the road."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime, time, timedelta
from typing import Any

import msgspec

from succession.commands.market import close_batch_now
from succession.days import JAPAN
from succession.demo import owner_page
from succession.demo.spreadsheet import ENCODING, spreadsheet
from succession.demo.story_market import acquirer_saves_a_search
from succession.demo.walk import Walk, reference
from succession.listings.guideline import EXPLAINED_ITEMS


def center_signs_in(walk: Walk) -> None:
    walk.tell("支援センターの職員が、パスワードと認証アプリのコードでサインインします。",
              "A member of the Support Center signs in: a password, then the code of an authenticator app.")
    walk.call("", "POST", "/v1/sessions", {"email": walk.accounts["center"].email, "password": "not the password"}, expect=401,
              code="sign_in_failed")
    walk.sign_in("center")
    me = walk.get("center", "/v1/sessions/current")
    walk.note(f"{me['name']}, {me['kind']} ({me['intermediary_kind']}), {len(me['permissions'])} permissions")


# ---------------------------------------------------------------- the spreadsheet


def spreadsheet_is_read(walk: Walk) -> None:
    walk.tell("Excelから書き出したCSV（Shift_JIS）を読み込みます。まだ何も登録されません。",
              "A CSV written by Excel (cp932) is read. Nothing is entered yet.")
    walk["reference"] = f"R8-{secrets.randbelow(10**6):06d}"
    walk["file"] = spreadsheet(walk.company.profile, walk["reference"])
    walk.note(walk["file"].decode(ENCODING).splitlines()[1])
    read = walk.post("center", "/v1/listing-imports", files={"file": ("相談企業一覧.csv", walk["file"], "text/csv")}, body=None)
    walk["import"] = read["id"]
    walk.note(f"{read['rows_total']} rows, {read['rows_importable']} importable; {len(read['columns'])} columns")


def every_cell_is_explained(walk: Walk) -> None:
    walk.tell("行ごと・セルごとに、どう読んだか、何が読めなかったかを示します。",
              "Row by row and cell by cell: what was understood, what was assumed, what was not understood.")
    rows = walk.get("center", f"/v1/listing-imports/{walk['import']}/rows")["items"]
    for row in rows:
        walk.note(f"row {row['row']}: {'importable' if row['importable'] else 'not importable'}")
        for cell in row["cells"]:
            if cell["messages"] and (not cell["understood"] or row["importable"]):
                walk.note(f"   {cell['heading']} 「{cell['raw']}」 → {cell['value']}  {cell['messages'][0]}")
    walk.check([row["importable"] for row in rows] == [True, False], "one row is fine, the other is kept out")


def import_is_committed_twice(walk: Walk) -> None:
    walk.tell("登録を確定します。二度送っても、登録は一度だけです。", "The import is committed. Sent twice, it happens once.")
    for _time in range(2):
        walk.post("center", f"/v1/listing-imports/{walk['import']}/commit", expect=200)
    entered = [row for row in walk.get("center", f"/v1/listing-imports/{walk['import']}/rows")["items"] if row["outcome"]]
    walk["listing"] = entered[0]["listing_id"]
    walk.check([row["outcome"] for row in entered] == ["entered"], "exactly one draft was entered")


# ---------------------------------------------------------------- mandate and profile


def publishing_needs_a_mandate(walk: Walk) -> None:
    walk.tell("契約（支援の合意）がないままでは公開できません。", "Without a mandate nothing can be published.")
    walk.post("center", f"/v1/listings/{walk['listing']}/publication", expect=409, code="mandate_needed")


def bank_asks_for_fourteen_months(walk: Walk) -> None:
    walk.tell("銀行が専任期間14か月の仲介契約を登録しようとして、ガイドライン（専任条項は最長1年）により断られます。",
              "A bank tries a brokerage mandate with 14 months of exclusivity: beyond the SME M&A Guidelines (G4).")
    drafts = walk.get("bank", "/v1/listings?state=intake&limit=1")["items"]
    explained = datetime.combine(walk.today - timedelta(days=3), time(10), JAPAN)
    terms = {
        "kind": "brokerage", "signed_on": walk.today.isoformat(), "term_months": 24, "exclusivity_months": 14,
        "second_opinion_allowed": True, "terminable_any_time": True, "tail_months": 12, "tail_scope": "name_cleared",
        "fee_basis": "share_price", "minimum_fee_yen": 5_000_000, "document_hash": "ab" * 32, "explained_at": explained.isoformat(),
        "explained_orally": True, "explainer": "例村 丙三", "recipient": "例田 甲太郎", "recipient_decides": True,
        "items_explained": list(EXPLAINED_ITEMS)}  # fmt: skip
    refused = walk.post("bank", f"/v1/listings/{drafts[0]['id']}/mandate", terms, expect=422, code="guideline_violation")
    walk.note(f"{refused.body.get('violations') or refused.body.get('errors')}")


def center_agrees_to_support(walk: Walk) -> None:
    walk.tell("センターは無償の支援を合意します（手数料・専任・テールなし）。", "The Center agrees to support: no fee, no exclusivity, no tail.")
    walk.post("center", f"/v1/listings/{walk['listing']}/mandate", {
        "kind": "center_support", "signed_on": walk.today.isoformat(), "term_months": 0})
    walk.post("center", f"/v1/listings/{walk['listing']}/preparation", expect=200)


def a_colleague_confirms_the_mandate(walk: Walk) -> None:
    walk.tell("合意があると言うだけでは下見もできません。登録した本人以外の職員が確認します。",
              "A mandate that one person claims is not enough for a preview: a colleague confirms it first.")
    path = f"/v1/listings/{walk['listing']}"
    walk.post("center", f"{path}/teaser-preview", expect=409, code="mandate_unconfirmed")
    walk.post("center", f"{path}/mandate/confirmation", expect=409, code="second_confirmation_needed")
    walk.post("center-clerk", f"{path}/mandate/confirmation", expect=200)


def publishing_lists_what_is_missing(walk: Walk) -> None:
    walk.tell("まだ足りない項目があるので、断られます。何が足りないかは一覧で返ります。",
              "Too early: the answer lists everything that is still missing.")
    refused = walk.post("center", f"/v1/listings/{walk['listing']}/teaser-proposals", {"audiences": ["verified_buyers"]}, expect=422,
                        code="not_publishable")
    walk.note(f"missing: {', '.join(error['field'] for error in refused['errors'])}")


def missing_answers_are_filled_in(walk: Walk) -> None:
    walk.tell("足りない項目を埋めます。版を示さない編集、古い版の編集は受け付けません。",
              "The missing answers are filled in. An edit that names no version, or an old one, is refused.")
    path, listing = f"/v1/listings/{walk['listing']}", walk.get("center", f"/v1/listings/{walk['listing']}")
    patch = _lacking(listing["profile"], msgspec.to_builtins(walk.company.profile))
    walk.call("center", "PATCH", path, patch, expect=428, code="precondition_required")
    edited = walk.call("center", "PATCH", path, patch, headers=listing.version)
    walk.call("center", "PATCH", path, {"facts": []}, headers=listing.version, expect=412, code="stale")
    ready = walk.get("center", f"{path}/publication-readiness")
    walk.check(edited.status == 200 and ready["ready"], "ready to be published")


def _lacking(have: dict[str, Any], want: dict[str, Any]) -> dict[str, Any]:
    """What a JSON merge patch must say so that nothing wanted is missing; lists are replaced as a whole."""
    patch: dict[str, Any] = {}
    for name, value in want.items():
        if isinstance(value, dict) and isinstance(have.get(name), dict):
            if inner := _lacking(have[name], value):
                patch[name] = inner
        elif value is not None and (have.get(name) is None or isinstance(value, list)):
            patch[name] = _without_null(value)
    return patch


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(each) for name, each in value.items() if each is not None}
    return [_without_null(each) for each in value] if isinstance(value, list) else value


# ---------------------------------------------------------------- exclusions, preview, proposal


def owner_excludes_funds(walk: Walk) -> None:
    walk.tell("オーナーは「投資ファンドには見せないでほしい」と言います。すると一般公開は選べません。",
              "The owner wants no fund ever to see it. Then it cannot be public: nobody can be kept from a public page.")
    walk.post("center", f"/v1/listings/{walk['listing']}/exclusions", {"kind": "buyer_kind", "value": "fund"})
    walk.post("center", f"/v1/listings/{walk['listing']}/teaser-proposals", {"audiences": ["public", "verified_buyers"]}, expect=409,
              code="excluded_never_public")


def owner_can_be_reached(walk: Walk) -> None:
    walk.tell("オーナーの連絡先を登録します。職員自身のアドレスは使えません。",
              "The owner's address is entered. An address of the Center's own is refused: nobody answers in the owner's place.")
    path = f"/v1/listings/{walk['listing']}/owner-contacts"
    walk.post("center", path, {"name": walk.company.owner.name, "email": walk.accounts["center-clerk"].email}, expect=422,
              code="validation")
    walk.post("center", path, {"name": walk.company.owner.name, "email": walk.company.owner_email})


def teaser_is_previewed(walk: Walk) -> None:
    walk.tell("ノンネーム情報の下見。何社が同じ数字になるか、何をぼかしたかを示します。",
              "A preview of the teaser: how many companies share exactly these figures, and what was coarsened, and why.")
    seen = walk.post("center", f"/v1/listings/{walk['listing']}/teaser-preview", expect=200)
    walk.note(f"{seen['ja']['title']} / {seen['en']['title']}: shared by {seen['shared_by']} companies (k = {seen['k']})")
    for fact in seen["facts"]:
        if fact["coarsened"]:
            walk.note(f"   {fact['attribute']}: {fact['own_label']} → {fact['shown_label']}  {fact['reason']}")
    walk.note(f"could say less in {len(seen['alternatives'])} ways, each as safe: " + "; ".join(
        f"{each['attribute']} {each['ja']} / {each['en']} ({each['usefulness_percent']} % as useful)" for each in seen["alternatives"][:2]))
    walk.check(seen["shared_by"] >= seen["k"], "at least k companies share it")


def owner_is_asked(walk: Walk) -> None:
    walk.tell("センターがオーナーに、三つの相手先への掲載を相談します。承認できるのはオーナーだけです。",
              "The Center proposes three audiences. Only the owner can approve.")
    asked = walk.post("center", f"/v1/listings/{walk['listing']}/teaser-proposals", {
        "audiences": ["verified_buyers", "agency_desk", "domestic_institutions"]})
    walk.check(asked["links_sent"] == 1, "one letter is on its way to the owner")
    walk.post("center", f"/v1/listings/{walk['listing']}/publication", expect=409, code="owner_approval_needed")


def owner_reads_and_approves_two(walk: Walk) -> None:
    walk.tell("オーナーは手紙のリンクを開きます。開くだけでは何も変わりません。二つだけに印を付けて承認します。",
              "The owner opens the link of the letter. Opening changes nothing. Two of the three are ticked and approved.")
    link = owner_page.link_in(walk, "owner_teaser")
    page = owner_page.open_page(walk, link)
    page = owner_page.open_page(walk, link)
    for line in owner_page.text_of(page).splitlines()[:4]:
        walk.note(f"│ {line}")
    before = walk.get("center", f"/v1/listings/{walk['listing']}/consents")["proposals"][0]
    walk.check(before["decision"] is None, "opened twice, decided nothing")
    owner_page.answer(walk, link, page, "approved", "verified_buyers", "agency_desk")
    granted = walk.get("center", f"/v1/listings/{walk['listing']}/consents")["consents"]
    walk.check({each["audience"] for each in granted} == {"verified_buyers", "agency_desk"}, "consent for two audiences, no third")
    walk.call("", "GET", f"{link}?lang=ja", expect=410)


# ---------------------------------------------------------------- publication


def publication_waits_for_its_batch(walk: Walk) -> None:
    walk.tell("公開を申し込みます。掲載日から会社が推測されないよう、まとめて載せる日を待ちます。",
              "Publication is requested. The teaser waits for its batch, so that the day of its appearance tells nothing.")
    queued = walk.post("center", f"/v1/listings/{walk['listing']}/publication")
    walk["teaser"] = reference(queued["ref"])
    walk.note(f"{queued['state']}; the batch closes at {queued['batch_closes_at']}")
    walk.get("buyer-a", f"/v1/teasers/{walk['teaser']}", expect=404, code="not_found")


def batch_is_closed(walk: Walk) -> None:
    walk.tell("デモなので、運営者がいま掲載を締め切ります。", "This is a demo, so the operator closes the batch now.")
    closed = asyncio.run(close_batch_now(walk.settings))
    walk.note(f"succession market close-batch → batch {closed.number}: {closed.published} teasers put up")
    walk.check(bool(closed.published), "the teaser is up")


CHAPTER = (
    center_signs_in, spreadsheet_is_read, every_cell_is_explained, import_is_committed_twice, publishing_needs_a_mandate,
    bank_asks_for_fourteen_months, center_agrees_to_support,
    a_colleague_confirms_the_mandate, publishing_lists_what_is_missing, missing_answers_are_filled_in,
    owner_excludes_funds, owner_can_be_reached, teaser_is_previewed, owner_is_asked, owner_reads_and_approves_two,
    publication_waits_for_its_batch, acquirer_saves_a_search, batch_is_closed,
)  # fmt: skip
