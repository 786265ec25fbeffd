"""Does somebody who is let in at one stage, or into one company, get further than that?

A27: collusion across stages. B5: idempotency keys. B10: the foreign-investment record before the name clear.
"""

from __future__ import annotations

import base64
import hashlib
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
PLAN = {"investor": {name: None for name in ("nonresident_individual", "foreign_law_or_head_office",
                                              "foreign_votes_bp", "foreign_partnership_share_bp",
                                              "foreign_managing_partners_majority", "nonresident_officers_majority",
                                              "nonresident_representatives_majority", "acts_for_foreign_investor")},
         "investor_class": "general", "scheme": "share_transfer", "indirect": False, "seller_is_foreign_investor": None,
         "target_activities": None,
         "votes_after_bp": 10_000, "takes_board_seat": True, "proposes_business_transfer": False,
         "sees_nonpublic_technology": False}  # fmt: skip
STAGES = ("released", "signed", "revoked", "terminated", "expired", "requested")


async def stages_of(scene: Scene) -> Stages:
    """Built once, through the API: what is attacked is who reads what, again and again."""
    if "stages" in scene.kept:
        return scene.kept["stages"]
    world, buyer, other = scene.world, scene.caller("buyer-a"), scene.caller("fund-d")
    taken = {row["listing_id"] for row in await world.seed("SELECT listing_id FROM vault.deal")}
    # The adviser's name tells a buyer no place but its own (JP-13): a Center's would, and a person would look at each offer first.
    free = [ref for ref, truth in scene.truth.items() if truth.audiences & 3 == 2 and not truth.excludes
            and truth.holder == SELLER
            and truth.place != "JP-13" and truth.listing_id not in taken and truth.owner_email]
    built = Stages({stage: scene.published(ref) for stage, ref in zip(STAGES, free, strict=False)})
    assert len(built.companies) == len(STAGES)
    for stage, company in built.companies.items():
        built.documents[stage] = {}
        for level in ("dossier", "data_room"):
            content = base64.b64encode(f"{stage} {level} {company.legal_name}".encode()).decode()
            made = await company.seller.post(f"/v1/listings/{company.listing_id}/documents",
                                             {"level": level, "filename": f"{company.legal_name}.txt",
                                              "content_base64": content, "contains_personal_data": False,
                                              "export_control_class": "none", "downloadable": True, "unmarked_reason": "a list"})
            assert made.status_code == 201, made.text
            built.documents[stage][level] = made.json()["id"]
        step = {"requested": world.requested, "signed": world.nda_signed}.get(stage, world.released)
        built.deals[stage] = await step(company, buyer)
    # A frank answer, for everybody who knows the name.
    asked = await buyer.post(f"/v1/disclosure-requests/{built.deals['released']}/questions", {"words": "Who are you?"})
    company = built.companies["released"]
    frank = await company.seller.post(f"/v1/questions/{asked.json()['id']}/answers", {
        "words": f"{company.legal_name}です。", "locale": "ja", "reach": "cleared", "question_shown": "Who is it?"})
    assert frank.status_code == 201, frank.text
    built.deals["of another"] = await world.released(built.companies["signed"], other, "data_room")
    for grant in (await buyer.get("/v1/grants?limit=100")).json()["items"]:
        built.grants |= {stage: grant["id"] for stage, deal in built.deals.items() if deal == grant["deal_id"]}
    answer = await built.companies["revoked"].seller.post(f"/v1/grants/{built.grants['revoked']}/revocation",
                                                          {"reason": "owner_request"})
    assert answer.status_code == 201, answer.text
    ended = await built.companies["terminated"].seller.post(f"/v1/disclosure-requests/{built.deals['terminated']}/nda/termination", {"reason": "talks_ended"})
    assert ended.status_code == 201, ended.text
    await world.overrule("UPDATE vault.nda SET expires_at = now() - interval '1 minute' WHERE deal_id = $1",
                         UUID(built.deals["expired"]))
    await scene.reload()
    scene.kept["stages"] = built
    return built


READINGS = ("/v1/dossiers/{deal}", "/v1/disclosure-requests/{deal}", "/v1/disclosure-requests/{deal}/nda",
            "/v1/disclosure-requests/{deal}/nda/schedule", "/v1/disclosure-requests/{deal}/nda/document",
            "/v1/disclosure-requests/{deal}/nda/members", "/v1/disclosure-requests/{deal}/nda/renewal",
            "/v1/disclosure-requests/{deal}/nda/paper", "/v1/disclosure-requests/{deal}/nda/paper/content",
            "/v1/disclosure-requests/{deal}/name-clear", "/v1/disclosure-requests/{deal}/screening", "/nda/{deal}",
            "/v1/deals/{deal}",
            "/v1/deals/{deal}/obligations", "/v1/disclosure-requests/{deal}/questions", "/v1/documents/{dossier}", "/v1/documents/{data_room}",
            "/v1/documents/{dossier}/pages/1",
            "/v1/listings/{listing}/documents", "/v1/listings/{listing}/folders", "/v1/listings/{listing}/document-links",
            "/v1/disclosure-requests/{deal}/folder-permissions", "/v1/disclosure-requests/{deal}/folder-grants",
            "/v1/disclosure-requests/{deal}/recipient-checks", "/v1/disclosure-requests/{deal}/competition",
            "/v1/disclosure-requests/{deal}/clean-team",
            "/v1/disclosure-requests/{deal}/third-person-consents", "/v1/listings/{listing}/personal-data-transfers",
            "/v1/listings/{listing}", "/v1/listings/{listing}/ledger", "/v1/listings/{listing}/accesses",
            "/v1/listings/{listing}/consents",
            "/v1/listings/{listing}/owner-contacts", "/v1/listings/{listing}/mandate",
            "/v1/listings/{listing}/exclusions",
            "/v1/listings/{listing}/paper-evidence", "/v1/listings/{listing}/publication-readiness",
            "/v1/teasers/{ref}?acting_for={buyer}")  # fmt: skip
LISTS = ("/v1/dossiers", "/v1/grants?limit=100", "/v1/deals?limit=100", "/v1/disclosure-requests?limit=100",
         "/v1/listings?limit=100", "/v1/teasers?limit=100",
         "/v1/organisations?limit=100", "/v1/audit-events?limit=100", "/v1/paper-evidence?limit=100",
         "/v1/introductions?limit=100",
         "/v1/screenings?limit=100", "/v1/screening-alerts?limit=100", "/v1/adverse-events?limit=100",
         "/v1/mandates?limit=100", "/v1/held-answers?limit=100", "/v1/holds?limit=100", "/v1/listed-twice?limit=100", "/v1/members", "/v1/organisations/me")  # fmt: skip


@attack("A27", "read another company's dossier, documents and papers: next door under NDA, after revocation, termination and expiry, by guessed address",
        actors="buyer at six stages, second buyer, fund, rival, desk, monitor, anonymous",
        bound="no word of any company but the one whose grant is live",
        routes=("GET /v1/dossiers/{deal_id}", "GET /v1/disclosure-requests/{deal_id}",
                "GET /v1/disclosure-requests/{deal_id}/nda",
                "GET /v1/disclosure-requests/{deal_id}/nda/schedule", "GET /v1/disclosure-requests/{deal_id}/nda/document",
                "GET /v1/disclosure-requests/{deal_id}/nda/members", "GET /v1/disclosure-requests/{deal_id}/nda/renewal",
                "GET /v1/disclosure-requests/{deal_id}/nda/paper", "GET /v1/disclosure-requests/{deal_id}/nda/paper/content",
                "GET /v1/disclosure-requests/{deal_id}/name-clear",
                "GET /v1/disclosure-requests/{deal_id}/screening", "GET /nda/{deal_id}", "GET /v1/deals/{deal_id}",
                "GET /v1/deals/{deal_id}/obligations", "GET /v1/disclosure-requests/{deal_id}/questions", "GET /v1/held-answers",
                "GET /v1/documents/{document_id}", "GET /v1/documents/{document_id}/pages/{page}", "GET /v1/listings/{listing_id}/documents", "GET /v1/listings/{listing_id}/folders",
                "GET /v1/disclosure-requests/{deal_id}/folder-permissions", "GET /v1/disclosure-requests/{deal_id}/folder-grants",
                "GET /v1/disclosure-requests/{deal_id}/recipient-checks", "GET /v1/disclosure-requests/{deal_id}/competition",
                "GET /v1/disclosure-requests/{deal_id}/clean-team",
                "GET /v1/disclosure-requests/{deal_id}/third-person-consents", "GET /v1/listings/{listing_id}/personal-data-transfers",
                "GET /v1/listings/{listing_id}",
                "GET /v1/listings/{listing_id}/ledger", "GET /v1/listings/{listing_id}/accesses",
                "GET /v1/listings/{listing_id}/consents",
                "GET /v1/listings/{listing_id}/owner-contacts", "GET /v1/listings/{listing_id}/mandate",
                "GET /v1/listings/{listing_id}/exclusions",
                "GET /v1/listings/{listing_id}/paper-evidence", "GET /v1/listings/{listing_id}/publication-readiness",
                "GET /v1/grants", "GET /v1/deals",
                "GET /v1/disclosure-requests", "GET /v1/paper-evidence", "GET /v1/mandates", "GET /v1/holds",
                "GET /v1/listed-twice", "GET /v1/members",
                "GET /v1/organisations/me", "GET /v1/screenings", "GET /v1/screening-alerts", "GET /v1/adverse-events"))
async def collusion(scene: Scene, door: Door) -> Finding:
    stages = await stages_of(scene)
    open_one = await door.ask("buyer-a", f"/v1/dossiers/{stages.deals['released']}")
    assert stages.companies["released"].legal_name in readable(open_one), "an open dossier names its company"
    found, read = [], 0
    for who in ("buyer-a", "buyer-b", "fund-d", "bank", "desk", "monitor", "anonymous"):
        may_read = {"buyer-a": {"released"}, "fund-d": {"signed"}}.get(who, set())
        tried = stages.companies if scene.full or may_read else {stage: stages.companies[stage]
                                                                 for stage in ("released", "signed")}
        for stage, company in tried.items():
            if door.enough(found):
                break
            for path in READINGS:
                if stage in may_read and path not in ("/v1/documents/{data_room}",):
                    continue
                for deal in {stages.deals[stage], stages.deals["of another"] if stage == "signed"
                             else stages.deals[stage]}:
                    ids = {"deal": deal, "listing": company.listing_id, "ref": company.ref.hex,
                           "buyer": company.seller.organisation_id, **stages.documents[stage]}
                    read += 1
                    answer = await door.ask(who, path.format(**ids))
                    if stage not in may_read:
                        found += [f"{who} reads {name} of the company {stage} at {path}"
                                  for name in _named(scene.truth[company.ref.hex], answer)]
                    elif who == "buyer-a" and answer.status_code == 200:
                        found.append(f"{who} opens a document of the data room with a grant for the dossier")
        for path in LISTS:
            answer = await door.ask(who, path)
            read += 1
            for stage, company in stages.companies.items():
                if stage not in may_read:
                    found += [f"{who} reads {name} of the company {stage} at {path}"
                              for name in _named(scene.truth[company.ref.hex], answer)]
        if door.enough(found):
            break
    found += await _named_too_soon(scene, door, stages)
    return Finding(f"{read} answers read by 7 people for {len(stages.companies)} companies, {len(found)} words found",
                   found)


async def _named_too_soon(scene: Scene, door: Door, stages: Stages) -> list[str]:
    """Whether a buyer reads who stands behind a teaser before an agreement is offered: the directory lists everybody,
    but nothing of the request may."""
    rows = await scene.world.seed("SELECT legal_name FROM vault.organisation WHERE id = $1",
                                  scene.accounts[SELLER].organisation_id)
    ids, found = {"deal": stages.deals["requested"], "ref": stages.companies["requested"].ref.hex}, []
    for path in ("/v1/disclosure-requests/{deal}", "/v1/deals/{deal}", "/v1/teasers/{ref}", "/v1/disclosure-requests/{deal}/nda"):
        if rows[0]["legal_name"] in readable(await door.ask("buyer-a", path.format(**ids))):
            found.append(f"the intermediary is named at {path} before an agreement is offered")
    return found


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
async def a_request_that_names_the_intermediary(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path.endswith((await stages_of(scene)).deals["requested"]) and answer.status_code == 200:
        rows = await scene.world.seed("SELECT legal_name FROM vault.organisation WHERE id = $1",
                                      scene.accounts[SELLER].organisation_id)
        return altered(answer, answer.json() | {"intermediary": rows[0]["legal_name"]})
    return answer


@collusion.leaky
async def the_data_room_with_the_dossier(scene: Scene, request: Any, send: Any) -> Any:
    answer, stages = await send(request), await stages_of(scene)
    return altered(answer, text="x", status=200) if request.url.path == f"/v1/documents/{stages.documents['released']['data_room']}" else answer


# --- B5 -------------------------------------------------------------------------------------------------------------


@attack("B5", "repeat somebody else's request under the same Idempotency-Key", actors="rival, colleague, second buyer",
        bound="nobody is given another's stored answer", routes=("POST /v1/listings", "POST /v1/briefs"))
async def idempotency(scene: Scene, door: Door) -> Finding:
    found, number = [], uuid4().hex
    raw = scene.profile(scene.member("B5"))
    desk = str(scene.accounts["desk"].organisation_id)
    brief = {"desk_id": desk, "wishes": {"schemes": ["share_transfer"]}, "purpose": "technology", "languages": ["en"],
             "note": f"secret {number}"}
    for path, body, people in (("/v1/listings", raw, ("center", "bank", "adviser")),
                               ("/v1/briefs", brief, ("buyer-a", "buyer-b", "fund-d"))):
        answers = {who: await door.ask(who, path, "POST", json=body, headers={"Idempotency-Key": number})
                   for who in people}
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
        bound="no hint computed from the company's own code before the dossier",
        routes=("PUT /v1/deals/{deal_id}/foreign-investment-filing", "GET /v1/deals/{deal_id}"))
async def filing_hint(scene: Scene, door: Door) -> Finding:
    stages = await stages_of(scene)
    found, read = [], 0
    for stage in ("signed", "requested"):
        company, path = stages.companies[stage], f"/v1/deals/{stages.deals[stage]}"
        await scene.world.overrule("UPDATE vault.listing_profile SET jsic_code = '2661' WHERE listing_id = $1",
                                   company.listing_id)
        for keeper in (SELLER, "buyer-a"):
            kept = await door.ask(keeper, f"{path}/foreign-investment-filing", "PUT", json={"plan": PLAN})
            for answer in (await door.ask("buyer-a", path), *([kept] if keeper == "buyer-a" else [])):
                read += 1
                record = answer.json()["filing"]
                if re.search(r"266\d?|core|machine tool", str(record)):
                    found.append(f"{stage}: after the {keeper} kept it, the buyer reads {record}")
    return Finding(f"{read} readings of the record by the buyer, {len(found)} tell the industry", found)


@filing_hint.leaky
async def the_hint_as_the_adviser_reads_it(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.method == "GET" and request.url.path.startswith("/v1/deals/") and answer.status_code == 200:
        return altered(answer, answer.json()
                       | {"filing": {"hint": {"reasons": ["JSIC 2661 is marked a core sector in our table."]}}})
    return answer
