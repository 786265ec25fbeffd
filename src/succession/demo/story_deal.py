"""From questions and answers to the release of the owner's guarantee: the second half of the road, and what is left of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from succession.demo import signing
from succession.demo.walk import Answer, Walk

HASH = "5d" * 32


def _step(walk: Walk, step: str, evidence: dict[str, Any], who: str = "center", *, deal: str = "deal A", expect: int = 201,
          code: str | None = None, **more: Any) -> Answer:
    """One step of the road, made from the version that is read right before."""
    path = f"/v1/deals/{walk[deal]}"
    return walk.post(who, f"{path}/{step}", {"evidence": evidence} | more, headers=walk.version_of(who, path), expect=expect, code=code)


def _on(walk: Walk, days_ago: int = 0) -> str:
    return (walk.today - timedelta(days=days_ago)).isoformat()


def _reached(walk: Walk, stage: str) -> None:
    deal = walk.get("buyer-a", f"/v1/deals/{walk['deal A']}")
    walk.check(deal["stage"] == stage, f"stage {stage}; open to A now: {', '.join(a['action'] for a in deal['actions']) or 'nothing'}")


# ---------------------------------------------------------------- talks


def questions_and_meeting(walk: Walk) -> None:
    walk.tell("質疑応答、そしてトップ面談。面談の前に最終契約へは進めません。",
              "Questions and answers, then the principals meet. The definitive agreement cannot come first.")
    _step(walk, "qa", {"im_received_on": _on(walk)})
    _step(walk, "definitive-agreement", _definitive(walk, []), expect=409, code="step_refused")
    _step(walk, "top-meeting", {"met_on": _on(walk), "participants": f"{walk.company.owner.name}, Erika Beispiel"})
    _reached(walk, "top_meeting")


def letter_of_intent(walk: Walk) -> None:
    walk.tell("Aが意向表明書を出します。価格の上下が逆なら受け付けません。", "A submits its letter of intent. A price range upside down is refused.")
    offer = {"loi_document_hash": HASH, "price_low_yen": 180_000_000, "price_high_yen": 240_000_000, "scheme": "share_transfer"}
    _step(walk, "letter-of-intent", offer | {"price_low_yen": 300_000_000}, "buyer-a", expect=409, code="step_refused")
    _step(walk, "letter-of-intent", offer, "buyer-a")
    _reached(walk, "loi")


def exclusivity_parks_the_other(walk: Walk) -> None:
    walk.tell("Aに独占交渉権を認めると、窓口から紹介されたCの商談は待ち状態になります。",
              "A is granted exclusive talks. C, whom the desk introduced, is parked: told that, and not by whom.")
    path = f"/v1/disclosure-requests/{walk['deal C']}"
    walk.post("center", f"{path}/screening", {"decision": "cleared"})
    walk.post("center", f"{path}/nda", {"form": "one_way", "term_months": 24})
    shown = walk.get("buyer-c", f"{path}/nda")
    signing.sign(walk, "buyer-c", f"{path}/nda", shown, "Jane Doe", "Director")
    walk.post("center", f"/v1/deals/{walk['deal A']}/exclusivity", {
        "granted_in": "loi", "from_date": _on(walk), "until_date": _on(walk, -60)})
    walk.post("center", f"{path}/name-clear", {"by": "link"}, expect=409, code="parked")
    parked = walk.get("buyer-c", f"/v1/deals/{walk['deal C']}")
    walk.check(parked["parked"] and parked["exclusivity"] is None, "parked, and told no more")


def memorandum_and_due_diligence(walk: Walk) -> None:
    walk.tell("基本合意書の前に、署名した人も含めてもう一度照合します。続いてデューデリジェンスに入り、オーナーの承諾日も記録します。",
              "Before the memorandum the buyer is screened again, its signer included. Due diligence follows, with the day the owner accepted it.")
    walk.post("center", f"/v1/disclosure-requests/{walk['deal A']}/screening", {"decision": "cleared"})
    _step(walk, "memorandum", {"mou_document_hash": HASH, "signed_on": _on(walk)}, expect=422, code="validation")
    _step(walk, "memorandum", {"mou_document_hash": HASH, "signed_on": _on(walk), "owner_accepted_on": _on(walk)})
    _step(walk, "due-diligence", {"started_on": _on(walk), "owner_accepted_on": _on(walk)})
    _reached(walk, "dd")


# ---------------------------------------------------------------- foreign investment


def foreign_investment_is_hinted(walk: Walk) -> None:
    walk.tell("外為法の届出について、一般的な表からの「手がかり」を示します。判断は当事者と専門家がします。",
              "On the foreign-investment filing the tables give a hint, with reasons, and no more: people decide.")
    investor = dict.fromkeys(("nonresident_individual", "foreign_votes_bp", "foreign_partnership_share_bp",
                              "foreign_managing_partners_majority", "nonresident_officers_majority",
                              "nonresident_representatives_majority", "acts_for_foreign_investor"))
    plan = {"investor": investor | {"foreign_law_or_head_office": True}, "investor_class": "general", "scheme": "share_transfer",
            "indirect": False, "seller_is_foreign_investor": False, "target_activities": [], "votes_after_bp": 10_000,
            "takes_board_seat": True, "proposes_business_transfer": False, "sees_nonpublic_technology": True}  # fmt: skip
    kept = walk.call("buyer-a", "PUT", _filing(walk), {"plan": plan})
    hint = kept["filing"]["hint"]
    walk.note(f"hint: {hint['outcome']} ({hint['strength']}), {hint['reasons'][0]}")
    walk.note(hint["caution"])


def _filing(walk: Walk) -> str:
    return f"/v1/deals/{walk['deal A']}/foreign-investment-filing"


# ---------------------------------------------------------------- agreement and closing


def _plans(walk: Walk) -> list[dict[str, str]]:
    lenders = [guarantee.lender for guarantee in walk.company.profile.guarantees or ()]
    return [{"lender": lender, "measure": "release", "due_on": _on(walk, -45)} for lender in lenders]


def _definitive(walk: Walk, plans: list[dict[str, str]]) -> dict[str, Any]:
    return {"agreement_document_hash": HASH, "signed_on": _on(walk), "second_check_by": "架空 法務担当", "risks_explained_on": _on(walk),
            "guarantee_plan": plans}


def definitive_needs_the_guarantee_plan(walk: Walk) -> None:
    walk.tell("経営者保証をどう外すか、貸し手ごとに決めていなければ、最終契約は記録できません。",
              "Without a plan for the owner's guarantee at each lender no definitive agreement is recorded.")
    _step(walk, "definitive-agreement", _definitive(walk, []), expect=409, code="step_refused")
    _step(walk, "definitive-agreement", _definitive(walk, _plans(walk)))
    _step(walk, "post-closing", {"handover_started_on": _on(walk)}, expect=409, code="step_refused")
    _reached(walk, "definitive")


def closing_needs_payment_and_filing(walk: Walk) -> None:
    walk.tell("入金の確認がないクロージング、届出の申告や受理を欠くクロージングは、断られます。",
              "A closing without confirmed payment is refused, and so is one while the filing is not declared, confirmed, accepted.")
    whole = {"closed_on": _on(walk), "payment_confirmed_on": _on(walk), "transfer_approved_on": _on(walk)}
    _step(walk, "closing", {name: day for name, day in whole.items() if name != "payment_confirmed_on"}, expect=422, code="validation")
    _step(walk, "closing", whole, expect=409, code="step_refused")
    declared = {"declared": "prior_notification"}
    walk.call("buyer-a", "PUT", _filing(walk), declared)
    _step(walk, "closing", whole, expect=409, code="step_refused")
    confirmed = declared | {"confirmed_by": "架空 弁護士", "confirmed_on": _on(walk), "filed_on": _on(walk, 50)}
    walk.call("buyer-a", "PUT", _filing(walk), confirmed)
    _step(walk, "closing", whole, expect=409, code="step_refused")
    walk.call("buyer-a", "PUT", _filing(walk), confirmed | {"accepted_on": _on(walk, 45), "cleared_on": _on(walk, 12)})
    walk.post("center", f"/v1/disclosure-requests/{walk['deal A']}/screening", {"decision": "cleared"})  # the last look, before the closing


def deal_is_closed(walk: Walk) -> None:
    walk.tell("クロージング。掲載は終わり、待っていたCの商談も静かに終わります。",
              "Closing. The teaser goes, and C's parked request ends without a word about anybody.")
    _step(walk, "closing", {"closed_on": _on(walk), "payment_confirmed_on": _on(walk), "transfer_approved_on": _on(walk)}, agreed=[
        {"kind": "transition_service", "due_on": _on(walk, -180), "detail": "The former owner helps for half a year."}])
    walk.get("buyer-a", f"/v1/teasers/{walk['teaser']}", expect=404, code="not_found")
    other = walk.get("buyer-c", f"/v1/deals/{walk['deal C']}")
    walk.check(other["terminal"] == "not_concluded" and other["terminal_reason"] is None, "for C: not concluded, no reason given")
    walk.check(walk.get("center", f"/v1/listings/{walk['listing']}")["state"] == "succeeded", "the company is handed over")


# ---------------------------------------------------------------- after the closing


def guarantee_is_released(walk: Walk) -> None:
    walk.tell("成約後の約束を一つずつ果たします。保証の解除は、貸し手の書面で裏付けます。",
              "What is owed after the closing is worked off; the release of the guarantee rests on the lender's paper.")
    _step(walk, "post-closing", {"handover_started_on": _on(walk)})
    _step(walk, "completion", {"completed_on": _on(walk)}, reason="obligations_met", expect=409, code="step_refused")
    for owed in walk.get("center", f"/v1/deals/{walk['deal A']}/obligations").body:
        walk.note(f"{owed['kind']} {owed['detail'] or ''} due {owed['due_on']}: {owed['standing']}")
        path, version = f"/v1/obligations/{owed['id']}", {"If-Match": f'"{owed["version"]}"'}
        done = {"state": "evidenced", "done_on": _on(walk), "confirmed_by": walk.company.owner.name}
        if owed["kind"] == "guarantee_release":
            walk.call("center", "PATCH", path, done, headers=version, expect=422, code="validation")
        walk.call("center", "PATCH", path, done | {"evidence": {"document": f"demo paper on {owed['kind']}"}}, headers=version)


def deal_is_completed(walk: Walk) -> None:
    walk.tell("すべて果たされ、承継は完了です。", "Everything owed is done: the succession is complete.")
    _step(walk, "completion", {"completed_on": _on(walk)}, reason="obligations_met")
    deal = walk.get("buyer-a", f"/v1/deals/{walk['deal A']}")
    walk.check(deal["terminal"] == "completed", f"completed after {len(deal['events'])} recorded steps")


# ---------------------------------------------------------------- what is left


def ledger_holds(walk: Walk) -> None:
    walk.tell("誰に何を開示したかの台帳は、鎖のようにつながり、外からでも検証できます。",
              "The ledger of who was told what is a chain that can be checked from outside.")
    listing = str(walk["listing"])
    entries = walk.get("center", f"/v1/listings/{listing}/ledger", params={"limit": 100})["items"]
    walk.note(" → ".join(entry["kind"] for entry in entries))
    walk.get("bank", f"/v1/listings/{listing}/ledger", expect=404, code="not_found")
    for arguments in (("--listing", listing), ()):
        walk.note(walk.run("ledger", "verify", *arguments).partition("\n")[0])


def agencies_see_figures_only(walk: Walk) -> None:
    walk.tell("監督側の機関には、月が閉じた後の、少数を伏せた数字だけが見えます。",
              "The monitoring agency sees figures of closed months only; small ones are hidden, and those that would reveal them.")
    walk.note("(waiting until the past months have been counted)")
    walk.processes.wait_for("figures")
    shapes = walk.get("monitor", "/v1/metrics")
    months = shapes["months"]
    asked = {"from": sorted(months)[-3:][0][:7], "to": max(months)[:7]}
    whole = walk.get("monitor", "/v1/metrics/funnel", params=asked)
    for figure in [each for each in whole["figures"] if each["month"] == max(months) and each["value"]][:6]:
        walk.note(f"{figure['month'][:7]} {figure['sheet']['label']}: {figure['value']}")
    walk.check(bool(shapes["months"]) and any(each["value"] for each in whole["figures"]), "figures of closed months are there")
    by_country = walk.get("monitor", "/v1/metrics/funnel", params=asked | {"by": "buyer_country", "from": asked["to"]})
    hidden = sum(figure["hidden"] for figure in by_country["figures"])
    walk.check(hidden > 0, f"{hidden} of {len(by_country['figures'])} figures by buyer country are hidden")
    walk.get("monitor", "/v1/metrics/funnel", params=asked | {"by": ["prefecture", "buyer_country"]}, expect=422, code="validation")
    walk.get("center", "/v1/metrics/funnel", params=asked, expect=403, code="forbidden")


CHAPTER = (questions_and_meeting, letter_of_intent, exclusivity_parks_the_other, memorandum_and_due_diligence,
           foreign_investment_is_hinted, definitive_needs_the_guarantee_plan, closing_needs_payment_and_filing, deal_is_closed)  # fmt: skip
AFTERWARDS = (guarantee_is_released, deal_is_completed, ledger_holds, agencies_see_figures_only)
