"""From a question about a teaser to the company's name: screening, NDA, the owner's word for this one buyer, release."""

from __future__ import annotations

import base64

from succession.demo import owner_page, signing
from succession.demo.two_persons import let_go
from succession.demo.walk import Walk

PURPOSES = {
    "buyer-a": "We make machine parts in Germany and look for a partner with its own workshop in Japan.",
    "buyer-b": "We trade components and look for a source in Japan.",
}


def _request(walk: Walk, deal: str) -> str:
    return f"/v1/disclosure-requests/{walk[deal]}"


# ---------------------------------------------------------------- the request


def acquirer_asks(walk: Walk) -> None:
    walk.tell("譲受け企業Aが開示を申し込みます。二度送っても申込みは一つです。",
              "Acquirer A asks about the company. Sent twice with one key, it is one request.")
    body, key = {"teaser_ref": walk["teaser"], "purpose": PURPOSES["buyer-a"]}, {"Idempotency-Key": f"walk-{walk['teaser']}"}
    first = walk.post("buyer-a", "/v1/disclosure-requests", body, headers=key)
    again = walk.post("buyer-a", "/v1/disclosure-requests", body, headers=key)
    walk["deal A"] = first["id"]
    walk.check(first["id"] == again["id"], f"one request, called “{first['project_name']}” from here on")
    walk.post("buyer-a", "/v1/disclosure-requests", body, expect=409, code="request_exists")
    walk.post("fund-d", "/v1/disclosure-requests", body, expect=404, code="not_found")


def strangers_learn_nothing_of_the_deal(walk: Walk) -> None:
    walk.tell("当事者でない譲受け企業も、ほかの支援機関も、公的機関も、この商談を知ることができません。",
              "No other buyer, no rival intermediary and no agency can learn that this deal exists.")
    for who in ("buyer-b", "bank", "adviser"):
        walk.get(who, f"/v1/deals/{walk['deal A']}", expect=404, code="not_found")
    walk.get("desk", f"/v1/deals/{walk['deal A']}", expect=403, code="forbidden")


def release_asks_for_a_code(walk: Walk) -> None:
    walk.tell("開示の操作には、担当者の認証アプリのコードがもう一度必要です。盗まれたパスワードやAPIキーだけでは何も出ていきません。",
              "A release asks for the code of the adviser's app once more: a stolen password or key alone lets nothing out.")
    walk.post("center", f"{_request(walk, 'deal A')}/dossier-release", expect=403, code="second_factor_needed")
    confirmed = walk.give_code("center")
    walk.note(f"confirmed until {confirmed['valid_until']}")


def nothing_skips_a_step(walk: Walk) -> None:
    walk.tell("順番は飛ばせません。調査の前の契約、契約の前の社名、社名の前の資料、すべて断られます。",
              "No step can be skipped: paper before screening, name before paper, dossier before name, talks before dossier.")
    path = _request(walk, "deal A")
    walk.post("center", f"{path}/nda", {"form": "one_way", "term_months": 24}, expect=409, code="screening_needed")
    walk.post("center", f"{path}/name-clear", {"by": "link"}, expect=409, code="screening_needed")
    walk.post("center", f"{path}/dossier-release", expect=409, code="screening_needed")
    walk.post("buyer-a", f"{path}/nda/code", expect=409, code="step_refused")
    walk.get("buyer-a", f"/v1/dossiers/{walk['deal A']}", expect=404, code="not_found")
    walk.get("desk", f"/v1/dossiers/{walk['deal A']}", expect=403, code="forbidden")
    deal = walk.get("center", f"/v1/deals/{walk['deal A']}")
    walk.post("center", f"/v1/deals/{walk['deal A']}/qa", {"evidence": {"im_received_on": walk.today.isoformat()}},
              headers=deal.version, expect=409, code="step_refused")


# ---------------------------------------------------------------- screening and NDA


def buyer_is_screened(walk: Walk) -> None:
    walk.tell("センターは、相手企業・親会社・実質的支配者を名簿と照合し、担当者が判断します。",
              "The Center compares buyer, parent and owners with the block lists; a named person decides.")
    seen = walk.get("center", f"{_request(walk, 'deal A')}/screening")
    walk.note(f"lists: {', '.join(each['code'] for each in seen['findings']['lists'])}; likenesses: {len(seen['findings']['candidates'])}")
    decided = walk.post("center", f"{_request(walk, 'deal A')}/screening", {"decision": "cleared"})
    walk.check(decided["stage"] == "interested", "screened; the buyer is told nothing of it")
    walk.post("center", f"{_request(walk, 'deal A')}/name-clear", {"by": "link"}, expect=409, code="nda_needed")


def intermediarys_name_waits_for_two_persons(walk: Walk) -> None:
    walk.tell("秘密保持契約はセンターの名を告げ、所在県も伝わります。残る会社が少なすぎるので、運営者の二人が見るまで止まります。",
              "The NDA names the Center, and with it the prefecture. Too few companies would be left: it waits for two persons.")
    path, offer = f"{_request(walk, 'deal A')}/nda", {"form": "one_way", "term_months": 24}
    walk.post("center", path, offer, expect=409, code="held_for_person")
    let_go(walk, "nda")


def nda_is_signed_as_it_was_read(walk: Walk) -> None:
    walk.tell("秘密保持契約は、読んだ文面そのものに、メールで届いた確認番号で署名します。センターも署名して、はじめて効力を持ちます。",
              "The NDA is signed exactly as it was read, with a code from the signer's own mail; it is in force once the Center has signed too.")
    path = f"{_request(walk, 'deal A')}/nda"
    walk.post("center", path, {"form": "two_party", "term_months": 24})
    shown = walk.get("buyer-a", path)
    for line in shown["text_en"].splitlines()[:2]:
        walk.note(f"│ {line}")
    signature = signing.given(shown, "Erika Beispiel", "Managing Director", signing.code_for(walk, "buyer-a", path))
    altered = signature | {"text_hash": shown["text_hash"][:-1] + ("0" if shown["text_hash"][-1] != "0" else "1")}
    walk.post("buyer-a", f"{path}/signature", altered, expect=409, code="nda_text_changed")
    walk.post("center", f"{path}/signature", signature, expect=403, code="forbidden")
    wrong = f"{(int(signature['code']) + 1) % 10**6:06d}"
    walk.post("buyer-a", f"{path}/signature", signature | {"code": wrong}, expect=409, code="code_invalid")
    signed = walk.post("buyer-a", f"{path}/signature", signature)
    walk.check(signed["state"] == "awaiting_countersignature", "signed by one side, in force for neither")
    walk.post("center", f"{_request(walk, 'deal A')}/name-clear", {"by": "link"}, expect=409, code="nda_needed")
    both = signing.sign(walk, "center", path, shown, "架空 次郎", "Director", "countersignature")
    walk.check(both["state"] == "signed", "in force")
    walk.check(walk.company.profile.identity.name not in shown["text_ja"], "the company is not named in it")


# ---------------------------------------------------------------- the owner's word


def owner_refuses_another_buyer(walk: Walk) -> None:
    walk.tell("シンガポールの譲受け企業Bも申し込みます。名前の似た記録があり、読まずに先へは進めません。",
              "Acquirer B from Singapore asks as well. A similar name is on a list: nobody clears it unread.")
    asked = walk.post("buyer-b", "/v1/disclosure-requests", {"teaser_ref": walk["teaser"], "purpose": PURPOSES["buyer-b"]})
    walk["deal B"] = asked["id"]
    path = _request(walk, "deal B")
    unread = walk.post("center", f"{path}/screening", {"decision": "cleared"}, expect=409, code="screening_unread")
    walk.post("center", f"{path}/screening", {
        "decision": "cleared", "findings_read": unread["findings"]["fingerprint"],
        "explanation": "Another company: other country and number."})
    likenesses_are_read_by_two(walk, path)
    walk.post("center", f"{path}/nda", {"form": "one_way", "term_months": 24})
    shown = walk.get("buyer-b", f"{path}/nda")
    signing.sign(walk, "buyer-b", f"{path}/nda", shown, "Tan Placeholder", "Director")


def likenesses_are_read_by_two(walk: Walk, path: str) -> None:
    """What was found counts as somebody else only when a colleague has read the same records."""
    walk.post("center", f"{path}/nda", {"form": "one_way", "term_months": 24}, expect=409, code="screening_needed")
    waiting = walk.get("center-clerk", "/v1/screenings", params={"limit": 1})["items"][0]
    confirmation = f"/v1/screenings/{waiting['id']}/confirmation"
    read = {"findings_read": waiting["fingerprint"]}
    walk.post("center", confirmation, read, expect=409, code="second_confirmation_needed")
    confirmed = walk.post("center-clerk", confirmation, read)
    walk.note(confirmed["words_for_owner"])
    walk.check(confirmed["state"] == "stands", "two persons have read what was found")


def refused_buyer_learns_nothing(walk: Walk) -> None:
    walk.tell("オーナーは手紙でBへの社名開示を断ります。Bには理由も、断られたことも伝わりません。",
              "By letter the owner refuses to be named to B. B learns neither why nor that anybody refused.")
    path = _request(walk, "deal B")
    walk.post("center", f"{path}/name-clear", {"by": "link"})
    link = owner_page.link_in(walk, "owner_name_clear")
    owner_page.answer(walk, link, owner_page.open_page(walk, link), "no")
    told = walk.get("buyer-b", path)
    walk.check(told["outcome"] == "not_concluded" and "name_clear" not in told.body, "for B it is not concluded, and nothing else")
    walk.post("center", f"{path}/dossier-release", expect=409, code="request_concluded")
    walk.get("buyer-b", f"/v1/dossiers/{walk['deal B']}", expect=404, code="not_found")
    walk.post("buyer-b", "/v1/disclosure-requests", {"teaser_ref": walk["teaser"], "purpose": "Once more."}, expect=409,
              code="request_too_soon")


def owner_agrees_to_a(walk: Walk) -> None:
    walk.tell("Aについては、会社名・国・親会社・目的・調査結果を読んだうえで、オーナーが同意します。",
              "For A the owner reads who it is, where from, whose, what for and what the screening found, and agrees.")
    walk.post("center", f"{_request(walk, 'deal A')}/dossier-release", expect=409, code="name_clear_needed")
    _owner_says_yes(walk)


def _owner_says_yes(walk: Walk) -> None:
    walk.post("center", f"{_request(walk, 'deal A')}/name-clear", {"by": "link"})
    link = owner_page.link_in(walk, "owner_name_clear")
    page = owner_page.open_page(walk, link)
    for line in [line for line in owner_page.text_of(page).splitlines() if line.strip()][:6]:
        walk.note(f"│ {line}")
    owner_page.answer(walk, link, page, "yes")


# ---------------------------------------------------------------- release, revocation, release


def dossier_is_released_and_read(walk: Walk) -> None:
    walk.tell("資料が開示されます。開示（許可と台帳）と閲覧（記録）は別の出来事です。",
              "The dossier is released: a grant and its ledger entry in one step. Reading it is another event, on record.")
    memorandum = base64.b64encode("企業概要書（デモ用、架空）".encode()).decode()
    walk.post("center", f"/v1/listings/{walk['listing']}/documents", {
        "level": "dossier", "filename": "memorandum.txt", "content_base64": memorandum, "contains_personal_data": False,
        "export_control_class": "none"})
    granted = walk.post("center", f"{_request(walk, 'deal A')}/dossier-release")
    walk["grant"] = granted["id"]
    dossier = walk.get("buyer-a", f"/v1/dossiers/{walk['deal A']}")
    walk.note(f"{dossier['summary']['legal_name']}, {dossier['summary']['sites'][0]['address']}")
    walk["document"] = dossier["documents"][0]["id"]
    walk.get("buyer-a", f"/v1/documents/{walk['document']}/pages/1")
    walk.note("a picture of the page, with the reader's name, the time and a mark all over it")
    walk.get("buyer-a", f"/v1/documents/{walk['document']}", expect=403, code="not_downloadable")
    opened = walk.get("center", f"/v1/listings/{walk['listing']}/accesses")["items"]
    walk.check(len(opened) == 2, "two readings are on record")
    for who in ("buyer-b", "buyer-c", "bank"):
        walk.get(who, f"/v1/dossiers/{walk['deal A']}", expect=404, code="not_found")


def revoked_at_once(walk: Walk) -> None:
    walk.tell("開示を取り消すと、その瞬間から読めません。オーナーの同意は一度きりなので、もう一度聞きます。",
              "Revoked: from that moment nothing can be read. A consent is used once, so the owner is asked again.")
    walk.post("center", f"/v1/grants/{walk['grant']}/revocation", {"reason": "mistake"})
    walk.get("buyer-a", f"/v1/dossiers/{walk['deal A']}", expect=404, code="not_found")
    walk.get("buyer-a", f"/v1/documents/{walk['document']}/pages/1", expect=404, code="not_found")
    walk.post("center", f"{_request(walk, 'deal A')}/dossier-release", expect=409, code="consent_used")


def released_again(walk: Walk) -> None:
    walk.tell("オーナーがもう一度同意し、資料が再び開示されます。", "The owner agrees once more, and the dossier is released again.")
    _owner_says_yes(walk)
    walk.post("center", f"{_request(walk, 'deal A')}/dossier-release")
    walk.get("buyer-a", f"/v1/dossiers/{walk['deal A']}")


def data_room_opens_folder_by_folder(walk: Walk) -> None:
    walk.tell("データルームはフォルダーごとに、オーナーの許可を得て開きます。申告のない資料は国外に出ず、ノウハウは順番どおりにしか出ません。",
              "The data room opens folder by folder, each with the owner's permission. What declares nothing stays at home, know-how keeps its order.")
    path, documents = _request(walk, "deal A"), f"/v1/listings/{walk['listing']}/documents"
    walk.post("center", f"{path}/data-room-release")
    leases = walk.post("center", f"/v1/listings/{walk['listing']}/folders", {"name": "賃貸借契約"})["id"]
    effect = walk.post("center", f"/v1/listings/{walk['listing']}/folders", {"name": "技術の効果", "know_how_step": "K1"})["id"]
    lease = walk.post("center", documents, {
        "level": "data_room", "folder": "賃貸借契約", "filename": "lease.txt", "downloadable": True,
        "unmarked_reason": "Plain text for the demo: nothing in it could carry a mark.",
        "content_base64": base64.b64encode("賃貸借契約書（デモ用、架空）".encode()).decode()})["id"]
    walk.post("center", f"{path}/folder-releases", {"folder_id": leases}, expect=409, code="folder_permission_needed")
    walk.post("center", f"{path}/folder-permissions", {"folder_ids": [leases, effect]})
    link = owner_page.link_in(walk, "owner_folder")
    owner_page.answer(walk, link, owner_page.open_page(walk, link), "yes")
    walk.post("center", f"{path}/folder-releases", {"folder_id": effect}, expect=409, code="know_how_order")
    walk.post("center", f"{path}/folder-releases", {"folder_id": leases}, expect=409, code="recipient_check_needed")
    walk.call("center", "PUT", f"/v1/documents/{lease}/declaration", {"contains_personal_data": False, "export_control_class": "none"})
    walk.get("buyer-a", f"/v1/documents/{lease}", expect=404, code="not_found")
    walk.post("center", f"{path}/folder-releases", {"folder_id": leases})
    walk.get("buyer-a", f"/v1/documents/{lease}")


CHAPTER = (
    acquirer_asks, strangers_learn_nothing_of_the_deal, release_asks_for_a_code, nothing_skips_a_step, buyer_is_screened,
    intermediarys_name_waits_for_two_persons, nda_is_signed_as_it_was_read,
    owner_refuses_another_buyer, refused_buyer_learns_nothing, owner_agrees_to_a, dossier_is_released_and_read, revoked_at_once,
    released_again, data_room_opens_folder_by_folder,
)  # fmt: skip
