"""Does an answer tell that something exists, to somebody who may not know it?

A11x: every address with an id in it, asked with the id of a thing that is somebody else's and with one nobody has.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from uuid import UUID, uuid4

import httpx

from attacks.harness import Door, Finding, altered, attack
from attacks.scene import Scene
from attacks.stages import MOVING, PLAN, SELLER, stages_of
from world import Published

_DEAL = "/v1/disclosure-requests/{deal}"
_SIGNATURE = {"text_hash": "a" * 64, "name": "A", "title": "B", "authority": "legal_representative", "locale_shown": "en", "code": "000000"}
#: Every way to name a thing that is somebody else's: (method, address, a body that is complete). A word in braces is an id of
#: `_foreign_ids`. Each is asked once with the id of something that exists and once with one that does not.
FOREIGN: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/v1/teasers/{ref}", None), ("GET", "/v1/listings/{listing}", None),
    ("PATCH", "/v1/listings/{listing}", {"owner": {"birth_year": 1950}}),
    ("GET", "/v1/saved-searches/{saved}", None), ("PATCH", "/v1/saved-searches/{saved}", {"frequency": "off"}),
    ("DELETE", "/v1/saved-searches/{saved}", None), ("GET", "/v1/listings/{listing}/matches", None), ("GET", "/v1/matches?brief_id={brief}", None),
    ("GET", "/v1/listings/{listing}/publication-readiness", None), ("GET", "/v1/listings/{listing}/exclusions", None),
    ("POST", "/v1/listings/{listing}/exclusions", {"kind": "country", "value": "FR"}),
    ("DELETE", "/v1/listings/{listing}/exclusions/{exclusion}", None),
    ("GET", "/v1/listings/{listing}/mandate", None),
    ("POST", "/v1/listings/{listing}/mandate",
     {"kind": "center_support", "signed_on": "2026-04-01", "term_months": 36}),
    ("POST", "/v1/listings/{listing}/mandate/confirmation", {}),
    ("POST", "/v1/listings/{listing}/mandate/end", {"ended_on": "2026-04-02", "reason": "other"}),
    ("POST", "/v1/listings/{listing}/preparation", {}),
    ("POST", "/v1/listings/{listing}/approach", {"candidate_list_hash": "a" * 64, "owner_agreed_on": "2026-04-01"}),
    ("POST", "/v1/listings/{listing}/suspension", {"reason": "owner_request"}),
    ("DELETE", "/v1/listings/{listing}/suspension", None),
    ("POST", "/v1/listings/{listing}/withdrawal", {"reason": "other"}),
    ("GET", "/v1/listings/{listing}/owner-contacts", None),
    ("POST", "/v1/listings/{listing}/owner-contacts", {"name": "X", "email": "x@fictitious.example"}),
    ("DELETE", "/v1/listings/{listing}/owner-contacts/{contact}", None),
    ("GET", "/v1/listings/{listing}/consents", None),
    ("POST", "/v1/listings/{listing}/consents", {}),
    ("DELETE", "/v1/listings/{listing}/consents/verified_buyers?paper_evidence_id={paper}", None),
    ("GET", "/v1/listings/{listing}/paper-evidence", None), ("POST", "/v1/listings/{listing}/paper-evidence", {}),
    ("GET", "/v1/listings/{listing}/paper-evidence/{paper}/scan", None),
    ("GET", "/v1/listings/{listing}/paper-evidence/{paper}/seal-certificate", None),
    ("POST", "/v1/listings/{listing}/paper-evidence/{paper}/confirmation", {}),
    ("GET", "/v1/listing-imports/{sheet}", None), ("GET", "/v1/listing-imports/{sheet}/rows", None),
    ("POST", "/v1/listing-imports/{sheet}/commit", {}),
    ("POST", "/v1/listings/{listing}/teaser-preview", {}),
    ("POST", "/v1/listings/{listing}/teaser-proposals", {"audiences": ["verified_buyers"]}),
    ("POST", "/v1/listings/{listing}/publication", {}), ("DELETE", "/v1/listings/{listing}/publication", None),
    ("GET", "/v1/listings/{listing}/teaser-prose", None),
    ("PUT", "/v1/listings/{listing}/teaser-prose", {"ja": "良い。", "en": "Good."}),
    ("DELETE", "/v1/listings/{listing}/teaser-prose", None),
    ("POST", "/v1/listings/{listing}/teaser-prose/review", {"id": "{uuid}", "decision": "passed"}),
    ("GET", "/v1/listings/{listing}/documents", None),
    ("POST", "/v1/listings/{listing}/documents", {"level": "dossier", "filename": "a.txt", "content_base64": "YQ=="}),
    ("GET", "/v1/documents/{document}", None), ("DELETE", "/v1/documents/{document}", None),
    ("GET", "/v1/listings/{listing}/folders", None), ("POST", "/v1/listings/{listing}/folders", {"name": "x"}),
    ("PATCH", "/v1/folders/{folder}", {"name": "x"}), ("DELETE", "/v1/folders/{folder}", None),
    ("PUT", "/v1/documents/{document}/declaration", {"contains_personal_data": False, "export_control_class": "none"}),
    ("PUT", "/v1/documents/{document}/folder", {"folder_id": "{folder}"}),
    ("GET", f"{_DEAL}/folder-permissions", None), ("POST", f"{_DEAL}/folder-permissions", {"folder_ids": ["{folder}"]}),
    ("POST", "/v1/folder-permissions/{permission}/link", {}), ("GET", f"{_DEAL}/folder-grants", None),
    ("POST", f"{_DEAL}/folder-releases", {"folder_id": "{folder}"}),
    ("POST", "/v1/folder-grants/{folder_grant}/revocation", {"reason": "mistake"}),
    ("GET", f"{_DEAL}/recipient-checks", None),
    ("POST", f"{_DEAL}/recipient-checks", {"document_id": "{document}", "hints": ["export_catch_all:GB"], "words": "x"}),
    ("GET", f"{_DEAL}/competition", None), ("POST", f"{_DEAL}/competition", {"competes": True, "words": "x"}),
    ("POST", "/v1/competition/{declaration}/confirmation", {"words": "x"}), ("GET", f"{_DEAL}/clean-team", None),
    ("POST", f"{_DEAL}/clean-team", {"member_id": "{member}", "name": "A", "title": "B", "country": "GB",
                                     "undertaking_hash": "a" * 64, "undertaken_on": "2026-01-01"}),
    ("POST", "/v1/clean-team/{entry_of_team}/acceptance", {}), ("POST", "/v1/clean-team/{entry_of_team}/end", {}),
    ("GET", "/v1/documents/{document}/pages/1", None), ("POST", "/v1/documents/{document}/links", {"uses": 1}),
    ("PUT", "/v1/documents/{document}/download-permission", {"allowed": False}),
    ("POST", "/v1/listings/{listing}/uploads", {"level": "dossier", "filename": "a.txt"}),
    ("GET", "/v1/uploads/{upload}", None), ("PUT", "/v1/uploads/{upload}/content", None),
    ("POST", "/v1/listings/{listing}/document-erasure", {"reason": "mistake"}),
    ("POST", "/v1/listings/{listing}/document-erasure/confirmation", {}),
    ("GET", "/v1/document-links/{token}/pages/1", None), ("GET", "/v1/listings/{listing}/document-links", None),
    ("DELETE", "/v1/document-links/{link}", None),
    ("GET", "/v1/listings/{listing}/accesses", None), ("GET", "/v1/listings/{listing}/case-files", None),
    ("POST", "/v1/listings/{listing}/case-files", {}), ("GET", "/v1/case-files/{case_file}", None), ("GET", "/v1/case-files/{case_file}/content", None),
    ("GET", "/v1/listings/{listing}/ledger", None), ("GET", "/v1/listings/{listing}/ledger/checkpoints", None),
    ("GET", "/v1/listings/{listing}/knowledge", None), ("GET", "/listings/{listing}/knowledge", None),
    ("GET", f"{_DEAL}/ledger/checkpoints", None), ("GET", "/v1/briefs/{brief}", None),
    ("POST", "/v1/briefs/{brief}/closure", {}),
    ("GET", "/v1/briefs/{brief}/candidates", None),
    ("POST", "/v1/briefs/{brief}/introductions", {"teaser_ref": "{ref}"}),
    ("GET", "/v1/introductions/{introduction}", None),
    ("POST", "/v1/introductions/{introduction}/decline", {"reason": "other"}),
    ("POST", "/v1/introductions/{introduction}/acceptance", {}),
    ("POST", "/v1/representations/{representation}/confirmation", {}),
    ("POST", "/v1/representations/{representation}/termination", {}),
    ("POST", "/v1/disclosure-requests", {"teaser_ref": "{ref}", "purpose": "Growth"}), ("GET", _DEAL, None),
    ("GET", f"{_DEAL}/screening", None),
    ("POST", f"{_DEAL}/screening", {"decision": "cleared"}), ("GET", f"{_DEAL}/nda", None),
    ("POST", f"{_DEAL}/nda", {"form": "one_way", "term_months": 24}),
    ("POST", f"{_DEAL}/nda/signature", _SIGNATURE), ("POST", f"{_DEAL}/nda/countersignature", _SIGNATURE),
    ("POST", f"{_DEAL}/nda/code", {}), ("GET", f"{_DEAL}/nda/renewal", None), ("POST", f"{_DEAL}/nda/renewal", _SIGNATURE),
    ("GET", f"{_DEAL}/nda/members", None), ("POST", f"{_DEAL}/nda/members", {"members": [str(uuid4())]}),
    ("DELETE", _DEAL + "/nda/members/{member}", None), ("POST", f"{_DEAL}/nda/acknowledgement", {"text_hash": "a" * 64}),
    ("GET", f"{_DEAL}/nda/paper", None), ("GET", f"{_DEAL}/nda/paper/content", None), ("GET", f"{_DEAL}/nda/document", None),
    ("POST", f"{_DEAL}/nda/paper", {"form": "one_way", "term_months": 24, "signed_on": "2026-01-05", "signer_name": "A",
                                    "signer_title": "B", "content_base64": "JVBERi0="}),
    ("POST", f"{_DEAL}/nda/paper/decision", {"decision": "refused", "content_hash": "a" * 64}),
    ("POST", f"{_DEAL}/nda/termination", {"reason": "talks_ended"}), ("GET", f"{_DEAL}/nda/schedule", None),
    ("GET", f"{_DEAL}/name-clear", None),
    ("POST", f"{_DEAL}/name-clear", {}), ("POST", f"{_DEAL}/name-clear/link", {}),
    ("POST", "/v1/owner-questions/{asked}/handed-link", {"owner_contact_id": "{contact}"}),
    ("POST", "/v1/owner-questions/{asked}/spoken-code", {"owner_contact_id": "{contact}"}),
    ("GET", f"{_DEAL}/third-person-consents", None),
    ("POST", f"{_DEAL}/third-person-consents",
     {"name": "X", "role": "family", "document_sha256": "a" * 64, "signed_on": "2026-04-01", "told_country": True}),
    ("POST", f"{_DEAL}/third-person-consents/{{third}}/confirmation", {}), ("POST", f"{_DEAL}/third-person-consents/{{third}}/withdrawal", {}),
    ("GET", "/v1/listings/{listing}/personal-data-transfers", None),
    ("POST", f"{_DEAL}/dossier-release", {}),
    ("GET", f"{_DEAL}/questions", None), ("POST", f"{_DEAL}/questions", {"code": "staff_kept"}),
    ("POST", "/v1/questions/{question}/answers", {"reply": "cannot_say"}),
    ("POST", "/v1/held-answers/{answer}/review", {"decision": "passed"}),
    ("POST", f"{_DEAL}/data-room-release", {}), ("GET", "/v1/dossiers/{deal}", None),
    ("POST", "/v1/grants/{grant}/revocation", {"reason": "owner_request"}),
    ("GET", "/v1/deals/{deal}", None), ("POST", "/v1/deals/{deal}/qa", {}), ("POST", "/v1/deals/{deal}/exclusivity", {
        "granted_in": "loi", "from_date": "2026-01-01", "until_date": "2026-02-01"}),
        ("DELETE", "/v1/deals/{deal}/exclusivity", None),
    ("PUT", "/v1/deals/{deal}/foreign-investment-filing", {"plan": PLAN}),
    ("GET", "/v1/deals/{deal}/obligations", None),
    ("PATCH", "/v1/obligations/{obligation}", {"state": "open"}), ("GET", "/nda/{deal}", None), ("GET", "/documents/{document}", None),
    ("POST", "/nda/{deal}", None), ("POST", "/nda/{deal}/code", None),
    ("GET", "/owner/{token}", None), ("POST", "/owner/{token}", None), ("POST", "/owner/{token}/renewal", None),
    ("GET", "/owner/{token}/knowledge", None),
    ("GET", "/v1/organisations/{pending}", None), ("POST", "/v1/organisations/{pending}/verification", {}),
    ("PATCH", "/v1/members/{member}", {"role": "admin"}), ("DELETE", "/v1/members/{member}", None),
    ("POST", "/v1/members/{member}/invitation", {}),
    ("GET", "/v1/holds/{hold}", None), ("POST", "/v1/holds/{hold}/decision", {"decision": "release", "words": "x"}),
    ("POST", "/v1/holds/{hold}/confirmation", {}), ("DELETE", "/v1/api-keys/{key}", None),
    ("DELETE", "/v1/screening-lists/entries/{entry}", None),
    ("POST", "/v1/screenings/{screening}/confirmation", {"findings_read": "a" * 64}),
    ("GET", "/v1/adverse-events/{event}", None), ("POST", "/v1/adverse-events/{event}/notice", {"notice": "x"}),
    ("POST", "/v1/adverse-events/{event}/objection", {"words": "x"}),
    ("POST", "/v1/adverse-events/{event}/decision", {"decision": "published", "words": "x"}),
    ("POST", "/v1/adverse-events/{event}/confirmation", {}),
)  # fmt: skip
_TEMPLATE = {"ref": "ref", "saved": "search_id", "listing": "listing_id", "exclusion": "exclusion_id", "contact": "contact_id",
             "paper": "paper_id", "sheet": "import_id",
             "document": "document_id", "link": "link_id", "upload": "upload_id", "brief": "brief_id", "introduction": "introduction_id",
             "representation": "representation_id",
             "deal": "deal_id", "grant": "grant_id", "obligation": "obligation_id", "token": "token",
             "pending": "organisation_id",
             "question": "question_id", "answer": "answer_id",
             "folder": "folder_id", "permission": "permission_id", "folder_grant": "grant_id", "declaration": "declaration_id",
             "entry_of_team": "entry_id",
             "member": "member_id", "key": "key_id", "entry": "entry_id", "hold": "hold_id",
             "screening": "screening_id", "event": "event_id",
             "case_file": "case_file_id", "asked": "question_id", "third": "consent_id"}  # fmt: skip


def _template(method: str, address: str) -> str:
    path = re.sub(r"\{(\w+)\}", lambda found: f"{{{_TEMPLATE[found[1]]}}}", address.partition("?")[0])
    return f"{method} {path}".replace("/consents/verified_buyers", "/consents/{audience}").replace("/qa", "/{step}").replace("/pages/1", "/pages/{page}")


@attack("A11x", "ask for things of others by their true id and by one that nobody has; compare everything",
        actors="rival, stranger buyer, another desk, monitor, anonymous",
        bound="the same status, body and headers, whatever exists",
        routes=tuple(dict.fromkeys(_template(method, address) for method, address, _body in FOREIGN)))
async def existence(scene: Scene, door: Door) -> Finding:
    ids = await _foreign_ids(scene)
    found, tried = [], 0
    desk = scene.kept.setdefault("desk", await scene.world.agency())
    for who in ("bank", "buyer-b", desk, "monitor", "anonymous"):
        for method, address, body in FOREIGN if who in ("bank", "buyer-b") else scene.some(FOREIGN, 25):
            own = dict(ids)
            if address == "/v1/teasers/{ref}" or body and "{ref}" in str(body):
                own["ref"] = _invisible_to(scene, who)
            told = []
            for given in (own, {name: uuid4().hex if name == "ref" else str(uuid4()) if name != "token" else "t" * 43
                                for name in own}):
                filled = given | {"uuid": str(uuid4())}
                sent = None if body is None else json.loads(re.sub(r'"\{(\w+)\}"', lambda m: f'"{filled[m[1]]}"',
                                                                   json.dumps(body)))
                answer = await door.ask(who, address.format(**filled), method, json=sent,
                                        headers={"If-Match": '"1"', "Origin": "http://127.0.0.1:8400"})
                told.append(_blank(answer, given))
            tried += 1
            if told[0] != told[1]:
                found.append(f"{who if isinstance(who, str) else 'another desk'} {method} {address}: {told[0][0]} where it exists, {told[1][0]} where not")
            if door.enough(found):
                return Finding(f"{tried} pairs", found)
    return Finding(f"{tried} pairs of requests on {len(FOREIGN)} addresses, {len(found)} that tell what exists", found)


def _invisible_to(scene: Scene, who: Any) -> str:
    """A published teaser this reader may not see."""
    bit = {"bank": 8, "buyer-b": 2, "monitor": 0, "anonymous": 0}.get(who, 4) if isinstance(who, str) else 4
    return next(ref for ref, truth in scene.truth.items() if not truth.audiences & (bit | 1))


def _blank(answer: httpx.Response, ids: dict[str, str]) -> tuple[int, str, str]:
    text = answer.text
    for value in ids.values():
        text = text.replace(value, "#").replace(value.replace("-", ""), "#")
    headers = {name: value for name, value in answer.headers.items() if name not in (*MOVING, "content-length")}
    return answer.status_code, text, str(sorted(headers.items()))


async def _foreign_ids(scene: Scene) -> dict[str, str]:
    """One existing id of each kind, none of which concerns the bank, buyer B, another desk, the monitor or a stranger."""
    if "foreign" in scene.kept:
        return scene.kept["foreign"]
    world, seller, buyer = scene.world, scene.caller(SELLER), scene.caller("buyer-a")
    stages = await stages_of(scene)
    company = stages.companies["signed"]
    path = f"/v1/listings/{company.listing_id}"
    exclusion = await seller.post(f"{path}/exclusions", {"kind": "country", "value": "KP"})
    contact = await seller.post(f"{path}/owner-contacts",
                                {"name": "架空 三郎", "email": f"saburo-{uuid4().hex[:8]}@fictitious.example"})
    scan = base64.b64encode(b"%PDF-1.7 signed").decode()
    paper = await seller.post(f"{path}/paper-evidence",
                              {"purpose": "withdrawal", "subject_id": str(company.listing_id), "decision": "withdrawn",
                                                         "signer": "架空 太郎", "witness": "W", "signed_on": "2026-02-01",
                                                         "scan_base64": scan})
    paper_id = paper.json()["id"] if paper.status_code == 201 else await _seeded_paper(scene, company)
    sheet = await seller.client.post("/v1/listing-imports", files={"file": ("a.csv", "会社名,都道府県\n架空社,東京都\n".encode())})
    brief = await buyer.post("/v1/briefs", {"desk_id": str(scene.caller("desk").organisation_id),
                                            "wishes": {"schemes": ["share_transfer"]},
                                            "purpose": "technology", "languages": ["en"]})
    offered = next(ref for ref, truth in scene.truth.items() if truth.audiences & 4 and truth.holder == SELLER
                   and not truth.excludes)
    introduction = await scene.caller("desk").post(f"/v1/briefs/{brief.json()['id']}/introductions",
                                                   {"teaser_ref": offered})
    representation = await scene.caller("center").post("/v1/representations", {
        "acquirer_id": str(buyer.organisation_id), "document_hash": "b" * 64, "from_date": "2026-01-01",
        "until_date": "2099-01-01"})
    pending = await world.organisation("acquirer", buyer_kind="company", country="FR", registry_number=uuid4().hex,
                                       status="pending")
    key = (await world.seed("SELECT id FROM vault.api_key WHERE member_id = $1", seller.member_id))[0]["id"]
    entry = (await world.seed("SELECT id FROM vault.screening_list_entry LIMIT 1"))[0]["id"]
    obligation = await world.seed("SELECT o.id FROM vault.obligation o JOIN vault.deal d ON d.id = o.deal_id WHERE d.intermediary_id <> $1 LIMIT 1",
                                  scene.caller("bank").organisation_id)
    named = next(truth.ref for truth in await scene.strangers_to(buyer) if truth.holder == "center" and truth.audiences & 2
                 and not truth.excludes)
    held = await buyer.post("/v1/disclosure-requests", {"teaser_ref": named, "purpose": "Growth"})
    assert held.status_code == 201, held.text
    for noun, body in (("screening", {"decision": "cleared"}),
                       ("nda", {"form": "one_way", "term_months": 24})):  # a Center's name tells the place
        await scene.caller("center").post(f"/v1/disclosure-requests/{held.json()['id']}/{noun}", body)
    upload = await seller.post(f"{path}/uploads", {"level": "dossier", "filename": "a.txt"})
    saved = await buyer.post("/v1/saved-searches", {"name": "Castings", "filters": {"industry": ["24"]}})
    (link,) = await world.seed(
        "INSERT INTO vault.document_link (document_id, listing_id, grant_id, organisation_id, member_id, token_hash, uses_most, expires_at) "
        "SELECT d.id, g.listing_id, g.id, m.organisation_id, m.id, sha256('a'), 9, now() + interval '1 day' FROM vault.disclosure_grant g "
        "JOIN vault.document d ON d.listing_id = g.listing_id JOIN vault.member m ON m.organisation_id = g.buyer_id WHERE g.id = $1 LIMIT 1 "
        "RETURNING id", UUID(stages.grants["released"]))
    hold = await world.seed("SELECT id FROM vault.hold LIMIT 1")
    screening = (await world.seed("SELECT id FROM vault.screening WHERE deal_id = $1 LIMIT 1", UUID(stages.deals["signed"])))[0]["id"]
    event = (await world.seed("INSERT INTO vault.buyer_adverse_event (buyer_id, reason, occurred_on, evidence_title, evidence_hash) "
                              "VALUES ($1, 'assets_moved', '2026-01-05', 'X', sha256('x')) RETURNING id", pending.organisation_id))[0]["id"]
    asked = await buyer.post(f"/v1/disclosure-requests/{stages.deals['signed']}/questions", {"code": "staff_kept"})
    answered = await seller.post(f"/v1/questions/{asked.json()['id']}/answers", {"words": "長く続けたいです。", "locale": "ja"})
    assert answered.status_code == 201, answered.text
    put = await world.seed("SELECT id FROM vault.name_clear WHERE deal_id = $1", UUID(stages.deals["released"]))
    third = await company.seller.post(f"/v1/disclosure-requests/{stages.deals['signed']}/third-person-consents", {
        "name": "架空 花子", "role": "family", "document_sha256": "a" * 64, "signed_on": "2026-02-01", "told_country": True})
    case_file = await (await world.signed_in(company.seller)).post(f"{path}/case-files")
    for answer in (exclusion, contact, upload, sheet, brief, introduction, representation, third, saved, case_file):
        assert answer.status_code in (201, 202), answer.text
    scene.kept["foreign"] = {
        "saved": saved.json()["id"], "listing": str(company.listing_id), "ref": company.ref.hex, "exclusion": exclusion.json()["id"],
        "contact": contact.json()["id"], "paper": str(paper_id),
        "sheet": sheet.json()["id"], **await _of_the_room(scene, stages), "document": stages.documents["signed"]["dossier"], "link": str(link["id"]),
        "upload": upload.json()["id"], "brief": brief.json()["id"],
        "introduction": introduction.json()["id"], "representation": representation.json()["id"],
        "deal": stages.deals["signed"],
        "grant": stages.grants["released"], "token": "no-such-token-" + "x" * 29,
        "pending": str(pending.organisation_id), "asked": str(put[0]["id"]), "third": third.json()["id"],
        "member": str(seller.member_id), "key": str(key), "entry": str(entry), "obligation": str(obligation[0]["id"])
        if obligation else str(uuid4()),
        "question": asked.json()["id"], "answer": answered.json()["answers"][0]["id"],
        "case_file": case_file.json()["id"], "hold": str(hold[0]["id"]) if hold else str(uuid4()), "screening": str(screening), "event": str(event)}  # fmt: skip
    return scene.kept["foreign"]


async def _of_the_room(scene: Scene, stages: Any) -> dict[str, str]:
    """What the data room of another buyer's deal is made of."""
    company, deal = stages.companies["signed"], stages.deals["of another"]
    path, fund = f"/v1/disclosure-requests/{deal}", scene.caller("fund-d")
    declared = await fund.post(f"{path}/competition", {"competes": True, "words": "x"})
    named = await fund.post(f"{path}/clean-team", {
        "member_id": str(fund.member_id), "name": "A", "title": "B", "country": "GB", "undertaking_hash": "a" * 64,
        "undertaken_on": "2026-01-01"})
    assert (declared.status_code, named.status_code) == (201, 201), (declared.text, named.text)
    grant = (await company.seller.get(f"{path}/folder-grants")).json()["items"][0]
    permission = (await company.seller.get(f"{path}/folder-permissions")).json()["items"][0]
    return {"folder": grant["folder_id"], "folder_grant": grant["id"], "permission": permission["id"],
            "declaration": declared.json()["id"], "entry_of_team": named.json()["id"]}


async def _seeded_paper(scene: Scene, company: Published) -> str:
    scan = b"%PDF-1.7 signed"
    row = await scene.world.seed(
        "INSERT INTO vault.paper_evidence (listing_id, purpose, subject_id, decision, signer, scan, media_type, scan_hash, witness, signed_on, entered_by) "
        "VALUES ($1, 'withdrawal', $1, 'withdrawn', 'X', $2, 'application/pdf', $3, 'W', '2026-02-01', $4) RETURNING id",
        company.listing_id, scan, hashlib.sha256(scan).digest(), company.seller.member_id)
    return str(row[0]["id"])


@existence.leaky
async def forbidden_where_it_exists(scene: Scene, request: Any, send: Any) -> Any:
    answer, known = await send(request), scene.kept.get("foreign", {})
    return altered(answer, status=403) if answer.status_code == 404 and known and known["deal"] in request.url.path else answer


@existence.leaky
async def another_sentence_for_what_is_hidden(scene: Scene, request: Any, send: Any) -> Any:
    answer, ref = await send(request), request.url.path.rpartition("/")[2]
    return altered(answer, answer.json()
                   | {"detail": "Not for your audience."}) if answer.status_code == 404 and ref in scene.truth else answer
