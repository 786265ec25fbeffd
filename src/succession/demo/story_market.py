"""Who finds the teaser, who does not, and how does a desk bring an acquirer to it?"""

from __future__ import annotations

import re
from typing import Any

from succession.codes import ancestors, label
from succession.demo.two_persons import let_go
from succession.demo.walk import Walk


def _found(walk: Walk, who: str, q: str) -> bool:
    page = walk.get(who, "/v1/teasers", params={"q": q, "limit": 100})
    return walk["teaser"].replace("-", "") in {item["ref"] for item in page["items"]}


def _words(walk: Walk, locale: str) -> str:
    """What somebody would type: the industry and the region of this company."""
    business = walk.company.profile.business
    place = next(code for code in ancestors("place", business.prefecture))
    return f"{label('industry', business.jsic_code[:2], locale)} {label('place', place, locale)}"


def nobody_finds_it(walk: Walk) -> None:
    walk.tell("サインインしていない人には見えません（一般公開ではないため）。", "Nobody in particular does not find it: it is not public.")
    walk.check(not _found(walk, "", _words(walk, "ja")), "not among the results")
    walk.get("", f"/v1/teasers/{walk['teaser']}", expect=404, code="not_found")


def acquirer_saves_a_search(walk: Walk) -> None:
    walk.tell("譲受け企業Aは検索条件を保存し、合う案件が載り次第知らせてもらいます。",
              "Acquirer A saves a search, to be told by letter as soon as something fits.")
    saved = walk.post("buyer-a", "/v1/saved-searches", {"name": "Workshops", "q": _words(walk, "en"), "frequency": "instant", "locale": "en"})
    walk["saved search"] = saved["id"]
    walk.note("; ".join(saved["asks_in_words"]))


def acquirer_is_told_and_ends_it(walk: Walk) -> None:
    walk.tell("新着のお知らせが届きます。リンクを開くだけでは何も変わらず、ワンクリックでこの条件のお知らせだけが止まります。",
              "A letter tells of it. Opening its last link changes nothing; one click, without signing in, ends the letters of this search.")
    letter = walk.letter(walk.accounts["buyer-a"].email, "alert_found")
    walk.check(walk["teaser"].replace("-", "") in letter, "our teaser is in it")
    walk.check(walk.company.profile.identity.name not in letter, "the company's name is not")
    path, link = f"/v1/saved-searches/{walk['saved search']}", re.search(r"/unsubscribe/\S+", letter)[0]
    walk.get("", link)
    walk.check(walk.get("buyer-a", path)["frequency"] == "instant", "looked at, and nothing changed")
    walk.post("", link, expect=200)
    walk.check(walk.get("buyer-a", path)["frequency"] == "off", "ended")


def acquirer_finds_it(walk: Walk) -> None:
    walk.tell("ドイツの譲受け企業Aは日本語でも英語でも見つけます。社名で探しても何も出ません。",
              "Acquirer A from Germany finds it in Japanese and in English. The company's name finds nothing.")
    walk.check(_found(walk, "buyer-a", _words(walk, "ja")), "found in Japanese")
    walk.check(_found(walk, "buyer-a", _words(walk, "en")), "found in English")
    walk.check(not _found(walk, "buyer-a", walk.company.profile.identity.name), "the name finds nothing")
    teaser = walk.get("buyer-a", f"/v1/teasers/{walk['teaser']}")
    walk.note(teaser["title"])
    for sentence in teaser["summary"]:
        walk.note(f"│ {sentence}")


def each_audience_sees_its_own(walk: Walk) -> None:
    walk.tell("公的機関の窓口には見え、同意のない国内の銀行には見えません。投資ファンドには存在しないのと同じです。",
              "The agency desk sees it; the bank, for whom the owner gave no consent, does not; for the fund it does not exist.")
    walk.get("desk", f"/v1/teasers/{walk['teaser']}")
    for who in ("bank", "fund-d", "monitor"):
        walk.get(who, f"/v1/teasers/{walk['teaser']}", expect=404, code="not_found")
    walk.check(not _found(walk, "fund-d", _words(walk, "ja")), "the fund does not find it, nor is it counted for it")


def strangers_are_kept_out(walk: Walk) -> None:
    walk.tell("公的機関も、ほかの支援機関も、譲受け企業も、案件そのものは読めません。",
              "No agency, no rival intermediary and no acquirer reads the listing itself.")
    path = f"/v1/listings/{walk['listing']}"
    for who in ("desk", "monitor", "buyer-a"):
        walk.get(who, path, expect=403, code="forbidden")
    for who in ("bank", "adviser"):
        walk.get(who, path, expect=404, code="not_found")
    walk.call("", "GET", path, expect=401, code="unauthenticated")


# ---------------------------------------------------------------- the desk


def acquirer_files_a_brief(walk: Walk) -> None:
    walk.tell("米国の譲受け企業Cは、窓口に希望条件を登録します。", "Acquirer C from the United States files a brief with the desk.")
    desk = next(each for each in walk.get("buyer-c", "/v1/desks")["items"] if each["id"] == str(walk.accounts["desk"].organisation_id))
    teaser = walk.get("desk", f"/v1/teasers/{walk['teaser']}").body
    brief = walk.post("buyer-c", "/v1/briefs", {
        "desk_id": desk["id"], "wishes": _wishes(teaser), "purpose": "production", "languages": ["en", "ja"],
        "note": "We look for a workshop that does careful work."})  # fmt: skip
    walk["brief"] = brief["id"]


def _wishes(teaser: dict[str, Any]) -> dict[str, list[str]]:
    """A brief that this teaser meets, wide enough to be an honest one."""
    return {"industries": [teaser["industry"]], "places": [teaser["place"]], "revenue": [teaser["revenue"]],
            "schemes": teaser["schemes"][:1], "budget": [] if teaser["price"] == "negotiable" else [teaser["price"]]}


def desk_sees_candidates(walk: Walk) -> None:
    walk.tell("窓口は社名のない候補一覧を、満たす条件・満たさない条件とともに見ます。", "The desk gets name-less candidates, each with the wishes it meets and those it does not.")
    page = walk.get("desk", f"/v1/briefs/{walk['brief']}/candidates", params={"limit": 100})
    found = {each["teaser"]["ref"]: each for each in page["items"]}
    ours = found.get(walk["teaser"].replace("-", ""))
    walk.check(ours is not None, f"our teaser is among {len(found)} candidates")
    for wish in (ours or {}).get("wishes", []):
        walk.note(f"   {wish['name']}: {wish['outcome']} ({wish['wanted']} / {wish['offered']})")
    walk.get("monitor", f"/v1/briefs/{walk['brief']}/candidates", expect=403, code="forbidden")


def desk_introduces(walk: Walk) -> None:
    walk.tell("窓口は、希望条件と案件を、案件を預かる支援機関に紹介します。受けるかどうかは支援機関が決め、その名が伝わる前に運営者の二人が見ます。",
              "The desk introduces brief and teaser to the intermediary behind it, which decides; its name waits for two persons.")
    made = walk.post("desk", f"/v1/briefs/{walk['brief']}/introductions", {"teaser_ref": walk["teaser"]})
    walk["introduction"] = made["id"]
    walk.check(made["listing_id"] is None and made["intermediary"] is None, "the desk is told neither company nor Center")
    walk.post("bank", f"/v1/introductions/{made['id']}/acceptance", expect=404, code="not_found")
    walk.post("center", f"/v1/introductions/{made['id']}/acceptance", expect=409, code="held_for_person")
    let_go(walk, "introduction")
    accepted = walk.post("center", f"/v1/introductions/{made['id']}/acceptance")
    walk["deal C"] = accepted["request_id"]


CHAPTER = (acquirer_is_told_and_ends_it, nobody_finds_it, acquirer_finds_it, each_audience_sees_its_own, strangers_are_kept_out)
DESK = (acquirer_files_a_brief, desk_sees_candidates, desk_introduces)
