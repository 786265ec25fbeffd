"""Does somebody who is let in at one stage, or into one company, get further than that?

A27: collusion across stages. A11x: whether an answer tells that something exists. B5: idempotency keys. B10: the
foreign-investment record before the name clear.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from attacks.harness import Door, Finding, altered, attack, readable
from attacks.scene import Scene, Truth
from world import Published

MOVING = ("date", "server")


# --- A27 ------------------------------------------------------------------------------------------------------------


@dataclass
class Stages:
    """Six companies of one seller, each at another stage with the same buyer, and a second buyer beside it."""

    companies: dict[str, Published]
    deals: dict[str, str] = field(default_factory=dict)
    documents: dict[str, dict[str, str]] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)


SELLER = "adviser"
STAGES = ("released", "signed", "revoked", "terminated", "expired", "requested")


async def stages_of(scene: Scene) -> Stages:
    """Built once, through the API: what is attacked is who reads what, again and again."""
    if "stages" in scene.kept:
        return scene.kept["stages"]
    world, buyer, other = scene.world, scene.caller("buyer-a"), scene.caller("fund-d")
    taken = {row["listing_id"] for row in await world.seed("SELECT listing_id FROM vault.deal")}
    # The adviser's name tells a buyer no place but its own (JP-13): a Center's would, and a person would look at each offer first.
    free = [ref for ref, truth in scene.truth.items() if truth.audiences & 3 == 2 and not truth.excludes and truth.holder == SELLER
            and truth.place != "JP-13" and truth.listing_id not in taken and truth.owner_email]
    built = Stages({stage: scene.published(ref) for stage, ref in zip(STAGES, free, strict=False)})
    assert len(built.companies) == len(STAGES)
    for stage, company in built.companies.items():
        built.documents[stage] = {}
        for level in ("dossier", "data_room"):
            content = base64.b64encode(f"{stage} {level} {company.legal_name}".encode()).decode()
            made = await company.seller.post(f"/v1/listings/{company.listing_id}/documents",
                                             {"level": level, "filename": f"{company.legal_name}.txt", "content_base64": content})
            assert made.status_code == 201, made.text
            built.documents[stage][level] = made.json()["id"]
        step = {"requested": world.requested, "signed": world.nda_signed}.get(stage, world.released)
        built.deals[stage] = await step(company, buyer)
    built.deals["of another"] = await world.released(built.companies["signed"], other, "data_room")
    for grant in (await buyer.get("/v1/grants?limit=100")).json()["items"]:
        built.grants |= {stage: grant["id"] for stage, deal in built.deals.items() if deal == grant["deal_id"]}
    answer = await built.companies["revoked"].seller.post(f"/v1/grants/{built.grants['revoked']}/revocation", {"reason": "owner_request"})
    if answer.status_code == 422:
        reason = answer.json()["errors"][0]["allowed"][0]
        answer = await built.companies["revoked"].seller.post(f"/v1/grants/{built.grants['revoked']}/revocation", {"reason": reason})
    assert answer.status_code == 201, answer.text
    ended = await built.companies["terminated"].seller.post(f"/v1/disclosure-requests/{built.deals['terminated']}/nda/termination", {"reason": "talks_ended"})
    assert ended.status_code == 201, ended.text
    await world.overrule("UPDATE vault.nda SET expires_at = now() - interval '1 minute' WHERE deal_id = $1", UUID(built.deals["expired"]))
    await scene.reload()
    scene.kept["stages"] = built
    return built


READINGS = ("/v1/dossiers/{deal}", "/v1/disclosure-requests/{deal}", "/v1/disclosure-requests/{deal}/nda", "/v1/disclosure-requests/{deal}/nda/schedule",
            "/v1/disclosure-requests/{deal}/name-clear", "/v1/disclosure-requests/{deal}/screening", "/nda/{deal}", "/v1/deals/{deal}",
            "/v1/deals/{deal}/obligations", "/v1/documents/{dossier}", "/v1/documents/{data_room}", "/v1/listings/{listing}/documents",
            "/v1/listings/{listing}", "/v1/listings/{listing}/ledger", "/v1/listings/{listing}/accesses", "/v1/listings/{listing}/consents",
            "/v1/listings/{listing}/owner-contacts", "/v1/listings/{listing}/mandate", "/v1/listings/{listing}/exclusions",
            "/v1/listings/{listing}/paper-evidence", "/v1/listings/{listing}/publication-readiness", "/v1/teasers/{ref}?acting_for={buyer}")  # fmt: skip
LISTS = ("/v1/dossiers", "/v1/grants?limit=100", "/v1/deals?limit=100", "/v1/disclosure-requests?limit=100", "/v1/listings?limit=100", "/v1/teasers?limit=100",
         "/v1/organisations?limit=100", "/v1/audit-events?limit=100", "/v1/paper-evidence", "/v1/introductions?limit=100",
         "/v1/mandates", "/v1/holds?limit=100", "/v1/listed-twice?limit=100", "/v1/members", "/v1/organisations/me")  # fmt: skip


@attack("A27", "read another company's dossier, documents and papers: next door under NDA, after revocation, termination and expiry, by guessed address",
        actors="buyer at six stages, second buyer, fund, rival, desk, monitor, anonymous", bound="no word of any company but the one whose grant is live",
        routes=("GET /v1/dossiers/{deal_id}", "GET /v1/disclosure-requests/{deal_id}", "GET /v1/disclosure-requests/{deal_id}/nda",
                "GET /v1/disclosure-requests/{deal_id}/nda/schedule", "GET /v1/disclosure-requests/{deal_id}/name-clear",
                "GET /v1/disclosure-requests/{deal_id}/screening", "GET /nda/{deal_id}", "GET /v1/deals/{deal_id}", "GET /v1/deals/{deal_id}/obligations",
                "GET /v1/documents/{document_id}", "GET /v1/listings/{listing_id}/documents", "GET /v1/listings/{listing_id}",
                "GET /v1/listings/{listing_id}/ledger", "GET /v1/listings/{listing_id}/accesses", "GET /v1/listings/{listing_id}/consents",
                "GET /v1/listings/{listing_id}/owner-contacts", "GET /v1/listings/{listing_id}/mandate", "GET /v1/listings/{listing_id}/exclusions",
                "GET /v1/listings/{listing_id}/paper-evidence", "GET /v1/listings/{listing_id}/publication-readiness", "GET /v1/grants", "GET /v1/deals",
                "GET /v1/disclosure-requests", "GET /v1/paper-evidence", "GET /v1/mandates", "GET /v1/holds", "GET /v1/listed-twice", "GET /v1/members",
                "GET /v1/organisations/me"))
async def collusion(scene: Scene, door: Door) -> Finding:
    stages = await stages_of(scene)
    open_one = await door.ask("buyer-a", f"/v1/dossiers/{stages.deals['released']}")
    assert stages.companies["released"].legal_name in readable(open_one), "an open dossier names its company"
    found, read = [], 0
    for who in ("buyer-a", "buyer-b", "fund-d", "bank", "desk", "monitor", "anonymous"):
        may_read = {"buyer-a": {"released"}, "fund-d": {"signed"}}.get(who, set())
        tried = stages.companies if scene.full or may_read else {stage: stages.companies[stage] for stage in ("released", "signed")}
        for stage, company in tried.items():
            for path in READINGS:
                if stage in may_read and path not in ("/v1/documents/{data_room}",):
                    continue
                for deal in {stages.deals[stage], stages.deals["of another"] if stage == "signed" else stages.deals[stage]}:
                    ids = {"deal": deal, "listing": company.listing_id, "ref": company.ref.hex, "buyer": company.seller.organisation_id, **stages.documents[stage]}
                    read += 1
                    answer = await door.ask(who, path.format(**ids))
                    if stage not in may_read:
                        found += [f"{who} reads {name} of the company {stage} at {path}" for name in _named(scene.truth[company.ref.hex], answer)]
                    elif who == "buyer-a" and answer.status_code == 200:
                        found.append(f"{who} opens a document of the data room with a grant for the dossier")
        for path in LISTS:
            answer = await door.ask(who, path)
            read += 1
            for stage, company in stages.companies.items():
                if stage not in may_read:
                    found += [f"{who} reads {name} of the company {stage} at {path}" for name in _named(scene.truth[company.ref.hex], answer)]
        if door.enough(found):
            break
    return Finding(f"{read} answers read by 7 people for {len(stages.companies)} companies, {len(found)} words found", found)


def _named(truth: Truth, answer: httpx.Response) -> list[str]:
    """Which identifying words of a company an answer holds. Its buyer's own address of the listing is no such word."""
    said = readable(answer)
    return [name for name, word in truth.words.items() if len(word) >= 4 and word in said]


@collusion.leaky
async def a_dossier_for_any_deal(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    stages = await stages_of(scene)
    for stage, deal in stages.deals.items():
        if request.url.path == f"/v1/dossiers/{deal}" and answer.status_code == 404 and stage in stages.companies:
            return altered(answer, {"identity": {"legal_name": stages.companies[stage].legal_name}}, 200)
    return answer


@collusion.leaky
async def a_revoked_grant_that_still_reads(scene: Scene, request: Any, send: Any) -> Any:
    answer, stages = await send(request), await stages_of(scene)
    if request.url.path == f"/v1/documents/{stages.documents['revoked']['dossier']}":
        return altered(answer, text=f"revoked {stages.companies['revoked'].legal_name}", status=200)
    return answer


@collusion.leaky
async def an_nda_that_names_the_company(scene: Scene, request: Any, send: Any) -> Any:
    answer, stages = await send(request), await stages_of(scene)
    if request.url.path.endswith(f"{stages.deals['signed']}/nda") and answer.status_code == 200:
        return altered(answer, answer.json() | {"principal": stages.companies["signed"].legal_name})
    return answer


@collusion.leaky
async def the_data_room_with_the_dossier(scene: Scene, request: Any, send: Any) -> Any:
    answer, stages = await send(request), await stages_of(scene)
    return altered(answer, text="x", status=200) if request.url.path == f"/v1/documents/{stages.documents['released']['data_room']}" else answer


# --- A11x -----------------------------------------------------------------------------------------------------------

_DEAL = "/v1/disclosure-requests/{deal}"
_PLAN = {"investor": {name: None for name in ("nonresident_individual", "foreign_law_or_head_office", "foreign_votes_bp", "foreign_partnership_share_bp",
                                              "foreign_managing_partners_majority", "nonresident_officers_majority",
                                              "nonresident_representatives_majority", "acts_for_foreign_investor")},
         "investor_class": "general", "scheme": "share_transfer", "indirect": False, "seller_is_foreign_investor": None, "target_activities": None,
         "votes_after_bp": 10_000, "takes_board_seat": True, "proposes_business_transfer": False, "sees_nonpublic_technology": False}  # fmt: skip
#: Every way to name a thing that is somebody else's: (method, address, a body that is complete). A word in braces is an id of
#: `_foreign_ids`. Each is asked once with the id of something that exists and once with one that does not.
FOREIGN: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/v1/teasers/{ref}", None), ("GET", "/v1/listings/{listing}", None), ("PATCH", "/v1/listings/{listing}", {"owner": {"birth_year": 1950}}),
    ("GET", "/v1/listings/{listing}/publication-readiness", None), ("GET", "/v1/listings/{listing}/exclusions", None),
    ("POST", "/v1/listings/{listing}/exclusions", {"kind": "country", "value": "FR"}), ("DELETE", "/v1/listings/{listing}/exclusions/{exclusion}", None),
    ("GET", "/v1/listings/{listing}/mandate", None), ("POST", "/v1/listings/{listing}/mandate", {"kind": "center_support", "signed_on": "2026-04-01", "term_months": 36}),
    ("POST", "/v1/listings/{listing}/mandate/confirmation", {}), ("POST", "/v1/listings/{listing}/mandate/end", {"ended_on": "2026-04-02", "reason": "other"}),
    ("POST", "/v1/listings/{listing}/preparation", {}), ("POST", "/v1/listings/{listing}/approach", {"candidate_list_hash": "a" * 64, "owner_agreed_on": "2026-04-01"}),
    ("POST", "/v1/listings/{listing}/suspension", {"reason": "owner_request"}), ("DELETE", "/v1/listings/{listing}/suspension", None),
    ("POST", "/v1/listings/{listing}/withdrawal", {"reason": "other"}), ("GET", "/v1/listings/{listing}/owner-contacts", None),
    ("POST", "/v1/listings/{listing}/owner-contacts", {"name": "X", "email": "x@fictitious.example"}),
    ("DELETE", "/v1/listings/{listing}/owner-contacts/{contact}", None), ("GET", "/v1/listings/{listing}/consents", None),
    ("POST", "/v1/listings/{listing}/consents", {}), ("DELETE", "/v1/listings/{listing}/consents/verified_buyers?paper_evidence_id={paper}", None),
    ("GET", "/v1/listings/{listing}/paper-evidence", None), ("POST", "/v1/listings/{listing}/paper-evidence", {}),
    ("GET", "/v1/listings/{listing}/paper-evidence/{paper}/scan", None), ("POST", "/v1/listings/{listing}/paper-evidence/{paper}/confirmation", {}),
    ("GET", "/v1/listing-imports/{sheet}", None), ("GET", "/v1/listing-imports/{sheet}/rows", None), ("POST", "/v1/listing-imports/{sheet}/commit", {}),
    ("POST", "/v1/listings/{listing}/teaser-preview", {}), ("POST", "/v1/listings/{listing}/teaser-proposals", {"audiences": ["verified_buyers"]}),
    ("POST", "/v1/listings/{listing}/publication", {}), ("DELETE", "/v1/listings/{listing}/publication", None),
    ("GET", "/v1/listings/{listing}/teaser-prose", None), ("PUT", "/v1/listings/{listing}/teaser-prose", {"ja": "良い。", "en": "Good."}),
    ("DELETE", "/v1/listings/{listing}/teaser-prose", None), ("POST", "/v1/listings/{listing}/teaser-prose/review", {"id": "{uuid}", "decision": "passed"}),
    ("GET", "/v1/listings/{listing}/documents", None), ("POST", "/v1/listings/{listing}/documents", {"level": "dossier", "filename": "a.txt", "content_base64": "YQ=="}),
    ("GET", "/v1/documents/{document}", None), ("DELETE", "/v1/documents/{document}", None), ("GET", "/v1/listings/{listing}/accesses", None),
    ("GET", "/v1/listings/{listing}/ledger", None), ("GET", "/v1/briefs/{brief}", None), ("POST", "/v1/briefs/{brief}/closure", {}),
    ("GET", "/v1/briefs/{brief}/candidates", None), ("POST", "/v1/briefs/{brief}/introductions", {"teaser_ref": "{ref}"}),
    ("GET", "/v1/introductions/{introduction}", None), ("POST", "/v1/introductions/{introduction}/decline", {"reason": "other"}),
    ("POST", "/v1/introductions/{introduction}/acceptance", {}), ("POST", "/v1/representations/{representation}/confirmation", {}),
    ("POST", "/v1/representations/{representation}/termination", {}),
    ("POST", "/v1/disclosure-requests", {"teaser_ref": "{ref}", "purpose": "Growth"}), ("GET", _DEAL, None), ("GET", f"{_DEAL}/screening", None),
    ("POST", f"{_DEAL}/screening", {"decision": "cleared"}), ("GET", f"{_DEAL}/nda", None), ("POST", f"{_DEAL}/nda", {"form": "one_way", "term_months": 24}),
    ("POST", f"{_DEAL}/nda/signature", {"text_hash": "a" * 64, "name": "A", "title": "B", "locale_shown": "en"}),
    ("POST", f"{_DEAL}/nda/termination", {"reason": "talks_ended"}), ("GET", f"{_DEAL}/nda/schedule", None), ("GET", f"{_DEAL}/name-clear", None),
    ("POST", f"{_DEAL}/name-clear", {}), ("POST", f"{_DEAL}/name-clear/link", {}), ("POST", f"{_DEAL}/dossier-release", {}),
    ("POST", f"{_DEAL}/data-room-release", {}), ("GET", "/v1/dossiers/{deal}", None), ("POST", "/v1/grants/{grant}/revocation", {"reason": "owner_request"}),
    ("GET", "/v1/deals/{deal}", None), ("POST", "/v1/deals/{deal}/qa", {}), ("POST", "/v1/deals/{deal}/exclusivity", {
        "granted_in": "loi", "from_date": "2026-01-01", "until_date": "2026-02-01"}), ("DELETE", "/v1/deals/{deal}/exclusivity", None),
    ("PUT", "/v1/deals/{deal}/foreign-investment-filing", {"plan": _PLAN}), ("GET", "/v1/deals/{deal}/obligations", None),
    ("PATCH", "/v1/obligations/{obligation}", {"state": "open"}), ("GET", "/nda/{deal}", None), ("POST", "/nda/{deal}", None),
    ("GET", "/owner/{token}", None), ("POST", "/owner/{token}", None), ("POST", "/owner/{token}/renewal", None),
    ("GET", "/v1/organisations/{pending}", None), ("POST", "/v1/organisations/{pending}/verification", {}),
    ("PATCH", "/v1/members/{member}", {"role": "admin"}), ("DELETE", "/v1/members/{member}", None), ("POST", "/v1/members/{member}/invitation", {}),
    ("GET", "/v1/holds/{hold}", None), ("POST", "/v1/holds/{hold}/decision", {"decision": "release", "words": "x"}),
    ("POST", "/v1/holds/{hold}/confirmation", {}), ("DELETE", "/v1/api-keys/{key}", None), ("DELETE", "/v1/screening-lists/entries/{entry}", None),
)  # fmt: skip
_TEMPLATE = {"ref": "ref", "listing": "listing_id", "exclusion": "exclusion_id", "contact": "contact_id", "paper": "paper_id", "sheet": "import_id",
             "document": "document_id", "brief": "brief_id", "introduction": "introduction_id", "representation": "representation_id",
             "deal": "deal_id", "grant": "grant_id", "obligation": "obligation_id", "token": "token", "pending": "organisation_id",
             "member": "member_id", "key": "key_id", "entry": "entry_id", "hold": "hold_id"}  # fmt: skip


def _template(method: str, address: str) -> str:
    path = re.sub(r"\{(\w+)\}", lambda found: f"{{{_TEMPLATE[found[1]]}}}", address.partition("?")[0])
    return f"{method} {path}".replace("/consents/verified_buyers", "/consents/{audience}").replace("/qa", "/{step}")


@attack("A11x", "ask for things of others by their true id and by one that nobody has; compare everything", actors="rival, stranger buyer, another desk, monitor, anonymous",
        bound="the same status, body and headers, whatever exists", routes=tuple(dict.fromkeys(_template(method, address) for method, address, _body in FOREIGN)))
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
            for given in (own, {name: uuid4().hex if name == "ref" else str(uuid4()) if name != "token" else "t" * 43 for name in own}):
                filled = given | {"uuid": str(uuid4())}
                sent = None if body is None else json.loads(re.sub(r'"\{(\w+)\}"', lambda m: f'"{filled[m[1]]}"', json.dumps(body)))
                answer = await door.ask(who, address.format(**filled), method, json=sent, headers={"If-Match": '"1"', "Origin": "http://127.0.0.1:8400"})
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
    contact = await seller.post(f"{path}/owner-contacts", {"name": "架空 三郎", "email": f"saburo-{uuid4().hex[:8]}@fictitious.example"})
    scan = base64.b64encode(b"%PDF-1.7 signed").decode()
    paper = await seller.post(f"{path}/paper-evidence", {"purpose": "withdrawal", "subject_id": str(company.listing_id), "decision": "withdrawn",
                                                         "signer": "架空 太郎", "witness": "W", "signed_on": "2026-02-01", "scan_base64": scan})
    paper_id = paper.json()["id"] if paper.status_code == 201 else await _seeded_paper(scene, company)
    sheet = await seller.client.post("/v1/listing-imports", files={"file": ("a.csv", "会社名,都道府県\n架空社,東京都\n".encode())})
    brief = await buyer.post("/v1/briefs", {"desk_id": str(scene.caller("desk").organisation_id), "wishes": {"schemes": ["share_transfer"]},
                                            "purpose": "technology", "languages": ["en"]})
    offered = next(ref for ref, truth in scene.truth.items() if truth.audiences & 4 and truth.holder == SELLER and not truth.excludes)
    introduction = await scene.caller("desk").post(f"/v1/briefs/{brief.json()['id']}/introductions", {"teaser_ref": offered})
    representation = await scene.caller("center").post("/v1/representations", {
        "acquirer_id": str(buyer.organisation_id), "document_hash": "b" * 64, "from_date": "2026-01-01", "until_date": "2099-01-01"})
    pending = await world.organisation("acquirer", buyer_kind="company", country="FR", registry_number=uuid4().hex, status="pending")
    key = (await world.seed("SELECT id FROM vault.api_key WHERE member_id = $1", seller.member_id))[0]["id"]
    entry = (await world.seed("SELECT id FROM vault.screening_list_entry LIMIT 1"))[0]["id"]
    obligation = await world.seed("SELECT o.id FROM vault.obligation o JOIN vault.deal d ON d.id = o.deal_id WHERE d.intermediary_id <> $1 LIMIT 1",
                                  scene.caller("bank").organisation_id)
    named = next(ref for ref, truth in scene.truth.items() if truth.holder == "center" and truth.audiences & 2 and not truth.excludes)
    held = await buyer.post("/v1/disclosure-requests", {"teaser_ref": named, "purpose": "Growth"})
    for noun, body in (("screening", {"decision": "cleared"}), ("nda", {"form": "one_way", "term_months": 24})):  # a Center's name tells the place
        await scene.caller("center").post(f"/v1/disclosure-requests/{held.json()['id']}/{noun}", body)
    hold = await world.seed("SELECT id FROM vault.hold LIMIT 1")
    for answer in (exclusion, contact, sheet, brief, introduction, representation):
        assert answer.status_code in (201, 202), answer.text
    scene.kept["foreign"] = {
        "listing": str(company.listing_id), "ref": company.ref.hex, "exclusion": exclusion.json()["id"], "contact": contact.json()["id"], "paper": str(paper_id),
        "sheet": sheet.json()["id"], "document": stages.documents["signed"]["dossier"], "brief": brief.json()["id"],
        "introduction": introduction.json()["id"], "representation": representation.json()["id"], "deal": stages.deals["signed"],
        "grant": stages.grants["released"], "token": "no-such-token-" + "x" * 29, "pending": str(pending.organisation_id),
        "member": str(seller.member_id), "key": str(key), "entry": str(entry), "obligation": str(obligation[0]["id"]) if obligation else str(uuid4()),
        "hold": str(hold[0]["id"]) if hold else str(uuid4())}  # fmt: skip
    return scene.kept["foreign"]


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
    return altered(answer, answer.json() | {"detail": "Not for your audience."}) if answer.status_code == 404 and ref in scene.truth else answer


# --- B5 -------------------------------------------------------------------------------------------------------------


@attack("B5", "repeat somebody else's request under the same Idempotency-Key", actors="rival, colleague, second buyer",
        bound="nobody is given another's stored answer", routes=("POST /v1/listings", "POST /v1/briefs"))
async def idempotency(scene: Scene, door: Door) -> Finding:
    found, number = [], uuid4().hex
    raw = scene.profile(scene.member("B5"))
    desk = str(scene.accounts["desk"].organisation_id)
    brief = {"desk_id": desk, "wishes": {"schemes": ["share_transfer"]}, "purpose": "technology", "languages": ["en"], "note": f"secret {number}"}
    for path, body, people in (("/v1/listings", raw, ("center", "bank", "adviser")), ("/v1/briefs", brief, ("buyer-a", "buyer-b", "fund-d"))):
        answers = {who: await door.ask(who, path, "POST", json=body, headers={"Idempotency-Key": number}) for who in people}
        ids = [answer.json().get("id") for answer in answers.values()]
        for who, answer in answers.items():
            if answer.headers.get("idempotency-replayed"):
                found.append(f"{who} is given the stored answer at {path}")
        if len(set(ids)) < len(ids):
            found.append(f"{path}: one answer for {len(ids)} people")
    return Finding(f"6 requests under one key, {len(found)} answered from somebody else's", found)


@idempotency.leaky
async def one_store_for_all(scene: Scene, request: Any, send: Any) -> Any:
    key = request.url.path, request.headers.get("idempotency-key"), hashlib.sha256(request.content).digest()
    if key not in scene.memory:
        scene.memory[key] = await send(request)
        return scene.memory[key]
    return altered(scene.memory[key], idempotency_replayed="true")


# --- B10 ------------------------------------------------------------------------------------------------------------


@attack("B10", "read the detailed industry out of the foreign-investment record the adviser keeps before the name clear", actors="buyer under NDA",
        bound="no hint computed from the company's own code before the dossier", routes=("PUT /v1/deals/{deal_id}/foreign-investment-filing", "GET /v1/deals/{deal_id}"))
async def filing_hint(scene: Scene, door: Door) -> Finding:
    stages = await stages_of(scene)
    found, read = [], 0
    for stage in ("signed", "requested"):
        company, path = stages.companies[stage], f"/v1/deals/{stages.deals[stage]}"
        await scene.world.overrule("UPDATE vault.listing_profile SET jsic_code = '2661' WHERE listing_id = $1", company.listing_id)
        for keeper in (SELLER, "buyer-a"):
            kept = await door.ask(keeper, f"{path}/foreign-investment-filing", "PUT", json={"plan": _PLAN})
            for answer in (await door.ask("buyer-a", path), *([kept] if keeper == "buyer-a" else [])):
                read += 1
                if re.search(r"266\d?|\bcore\b|machine tool", readable(answer)):
                    found.append(f"{stage}: after the {keeper} kept it, the buyer reads {(answer.json()['filing'] or {}).get('hint')}")
    return Finding(f"{read} readings of the record by the buyer, {len(found)} tell the industry", found)


@filing_hint.leaky
async def the_hint_as_the_adviser_reads_it(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.method == "GET" and request.url.path.startswith("/v1/deals/") and answer.status_code == 200:
        return altered(answer, answer.json() | {"filing": {"hint": {"reasons": ["JSIC 2661 is marked a core sector in our table."]}}})
    return answer
