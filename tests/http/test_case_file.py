"""Is a case file whole, is every alteration of it found without the program, and does it withhold what is others'?"""

from __future__ import annotations

import ast
import asyncio
import base64
import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import papers
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from succession import keys
from succession.commands import ledger as command
from succession.disclosure import case_check
from succession.disclosure.case_check import MANIFEST, SIGNATURE, Case, Finding, members, pack, verify_case
from succession.disclosure.case_file import build_case
from succession.disclosure.checkpoints import make_checkpoint


@pytest.fixture(scope="module")
async def scene(app, database_url):
    """(case file of a listing, of one of its two deals, the platform's key, the listing, its deals): made once, read by all."""
    from world import World

    world = World(app, database_url)
    for table in ("ledger_checkpoint_head", "ledger_checkpoint"):
        await world.overrule(f"DELETE FROM vault.{table}")
    published, buyer, rival = await world.published(), await world.acquirer(legal_name="Fictitious Reader GmbH"), await world.acquirer(
        legal_name="Fictitious Rival SA")
    deals = [await world.released(published, each) for each in (buyer, rival)]
    await buyer.get(f"/v1/dossiers/{deals[0]}")
    settings = app.state.settings
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET ROLE succession_seeder")
    async with connection.transaction():
        await make_checkpoint(connection, settings)
    await rival.get(f"/v1/dossiers/{deals[1]}")
    deals.append(await on_own_paper(world, published, await world.acquirer()))
    await world.deliver(deals[2])
    await renewed(world, buyer, deals[0])
    await world.deliver(deals[0])
    async with connection.transaction():
        await make_checkpoint(connection, settings)
    whole = await build_case(connection, settings, published.listing_id, None)
    one = await build_case(connection, settings, published.listing_id, UUID(deals[0]))
    await connection.close()
    yield whole, one, keys.checkpoint_key(settings), published, deals
    await world.close()


async def on_own_paper(world, published, buyer):
    """A deal under the buyer's own paper, which the seller confirmed after another had been refused."""
    deal = await world.requested(published, buyer)
    path = f"/v1/disclosure-requests/{deal}"
    await published.seller.post(f"{path}/screening", {"decision": "cleared"})
    await published.seller.post(f"{path}/nda", {"form": "one_way", "term_months": 12})
    for text, decision in (("Draft", "refused"), ("Agreement", "confirmed")):
        handed = await buyer.post(f"{path}/nda/paper", {
            "form": "one_way", "term_months": 24, "signed_on": str(datetime.now(UTC).date()), "signer_name": "P. Signer", "signer_title": "Director",
            "content_base64": base64.b64encode(papers.pdf(1, text=text)).decode()})
        assert handed.status_code == 201, handed.text
        decided = await published.seller.post(f"{path}/nda/paper/decision", {"decision": decision, "content_hash": handed.json()["content_hash"]})
        assert decided.status_code == 201, decided.text
    return deal


async def renewed(world, buyer, deal):
    path = f"/v1/disclosure-requests/{deal}"
    await world.overrule("UPDATE vault.nda SET expires_at = now() + interval '20 days' WHERE deal_id = $1", UUID(deal))
    shown = (await buyer.get(f"{path}/nda/renewal")).json()
    answer = await buyer.post(f"{path}/nda/renewal", await world.signing(buyer, path, shown["text_hash"]))
    assert answer.status_code == 201, answer.text


def public(key) -> bytes:
    return key.public_key().public_bytes_raw()


def test_it_is_whole_and_holds(scene):
    whole, _one, key, published, deals = scene
    found = verify_case(whole, public(key))
    assert isinstance(found, Case), found
    files = members(whole)
    assert found.withheld == 0 and found.erased == 0 and found.opened > 20 and found.last_signed == found.entries
    lines = {name: files[name].count(b"\n") for name in files if name.endswith(".jsonl")}
    assert (lines["nda_papers.jsonl"], lines["nda_renewals.jsonl"], lines["nda_signatures.jsonl"], lines["nda_documents.jsonl"]) == (2, 1, 3, 2)
    assert sum(name.startswith(("papers/", "documents/")) for name in files) == 4 and lines["nda_members.jsonl"] >= 2
    assert lines["deals.jsonl"] == 3 and lines["grants.jsonl"] == lines["consents.jsonl"] == lines["schedules.jsonl"] == 2
    assert lines["accesses.jsonl"] == 2 and lines["disclosed.jsonl"] == 20 and lines["versions.jsonl"] == 10 and lines["checkpoints.jsonl"] == 2
    assert lines["letters.jsonl"] >= 4 and lines["organisations.jsonl"] == 4
    assert published.legal_name in files["versions.jsonl"].decode()
    assert {f"texts/nda-{json.loads(line)['id']}.en.txt" for line in files["nda.jsonl"].splitlines()} <= set(files)


def test_the_file_of_one_deal_withholds_what_is_of_other_buyers_and_keeps_its_place(scene):
    _whole, one, key, _published, deals = scene
    found = verify_case(one, public(key))
    assert isinstance(found, Case) and found.withheld > 10
    assert b"Fictitious Rival SA" not in one and b"Fictitious Reader GmbH" in one and deals[1].encode() not in one


def test_the_same_content_gives_the_same_bytes_and_only_known_types(scene):
    whole, *_rest = scene
    assert pack(members(whole)) == whole


def test_the_checker_needs_the_standard_library_and_cryptography_alone(scene, tmp_path):
    whole, _one, key, *_rest = scene
    tree = ast.parse(Path(case_check.__file__).read_text())
    named = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert named - {"cryptography"} <= set(sys.stdlib_module_names)
    (tmp_path / "case.zip").write_bytes(whole)
    (tmp_path / "check.py").write_bytes(members(whole)["case_check.py"])
    (tmp_path / "key.pem").write_bytes(members(whole)["keys/platform.pem"])
    said = subprocess.run([sys.executable, "-I", "check.py", "case.zip", "--key", "key.pem"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0 and "every link holds" in said.stdout, said.stderr
    (tmp_path / "case.zip").write_bytes(whole.replace(b'"kind":"released"', b'"kind":"revoked "', 1))
    said = subprocess.run([sys.executable, "-I", "check.py", "case.zip"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert said.returncode == 1 and said.stdout.startswith("ledger.jsonl, entry "), said.stdout


@examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_altered_byte_is_found(scene, data):
    whole, one, key, *_rest = scene
    raw = data.draw(st.sampled_from([whole, one]))
    place, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
    altered = bytearray(raw)
    altered[place] ^= 1 << bit
    assert isinstance(verify_case(bytes(altered), public(key)), Finding)


@pytest.mark.parametrize("altered", [lambda raw: raw + b"x", lambda raw: b"x" + raw, lambda raw: raw[:-1], lambda raw: raw[: len(raw) // 2],
                                     lambda raw: b"", lambda raw: raw * 2])
def test_bytes_added_or_cut_are_found(scene, altered):
    assert isinstance(verify_case(altered(scene[0]), public(scene[2])), Finding)


LINES = ("ledger.jsonl", "openings.jsonl", "versions.jsonl", "grants.jsonl", "consents.jsonl", "nda.jsonl", "accesses.jsonl", "letters.jsonl",
         "stages.jsonl", "deals.jsonl", "checkpoints.jsonl", "disclosed.jsonl", "organisations.jsonl", "screenings.jsonl", "schedules.jsonl",
         "nda_documents.jsonl", "nda_members.jsonl", "nda_papers.jsonl", "nda_renewals.jsonl", "nda_signatures.jsonl")


@examples(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_record_taken_out_doubled_moved_or_changed_is_found_though_the_manifest_is_made_anew(scene, data):
    """By who can write everything but has not our key."""
    whole, _one, key, *_rest = scene
    files = members(whole)
    name = data.draw(st.sampled_from([each for each in LINES if files[each]]))
    lines = files[name].splitlines(keepends=True)
    n = data.draw(st.integers(0, len(lines) - 1))
    what = data.draw(st.sampled_from(["out", "double", "move", "change"]))
    if what == "out":
        del lines[n]
    elif what == "double":
        lines.insert(n, lines[n])
    elif what == "move":
        lines.append(lines.pop(n))
    else:
        record = json.loads(lines[n])
        field = data.draw(st.sampled_from(sorted(record)))
        record[field] = data.draw(st.sampled_from([None, "x", 1, "00" * 32, [], record[field] + "0" if isinstance(record[field], str) else 7]))
        lines[n] = (json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    altered = b"".join(lines)
    if altered == files[name]:
        return
    other = Ed25519PrivateKey.generate() if data.draw(st.booleans()) else None
    assert isinstance(verify_case(resigned(files | {name: altered}, other), public(key)), Finding)


def resigned(files, key) -> bytes:
    manifest = json.loads(files[MANIFEST])
    manifest["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name not in (MANIFEST, SIGNATURE)}
    files = files | {MANIFEST: (json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n").encode()}
    if key is not None:
        said = {"algorithm": "Ed25519", "public_key": public(key).hex(), "signature": key.sign(files[MANIFEST]).hex()}
        files[SIGNATURE] = (json.dumps(said, sort_keys=True, separators=(",", ":")) + "\n").encode()
    return pack(files)


def changed(files, name, n, **fields):
    lines = files[name].splitlines(keepends=True)
    lines[n] = (json.dumps(json.loads(lines[n]) | fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    return files | {name: b"".join(lines)}


def test_the_first_broken_link_is_named_even_when_the_platform_signed_the_forgery(scene):
    """With our own key, so that only what holds together by itself is left."""
    whole, _one, key, *_rest = scene
    files = members(whole)
    body = json.loads(files["ledger.jsonl"].splitlines()[2])["body"]
    cases = (
        (changed(files, "ledger.jsonl", 2, body=body.replace("one_way", "two_way")), ("ledger.jsonl", "entry 3", "hash")),
        (changed(files, "ledger.jsonl", 4, prev="00" * 32), ("ledger.jsonl", "entry 5", "prev")),
        (files | {"ledger.jsonl": b"".join(files["ledger.jsonl"].splitlines(keepends=True)[:-1])}, ("ledger.jsonl", None, "cut_off")),
        (changed(files, "openings.jsonl", 0, value='"Other"'), ("openings.jsonl", "line 1, entry 1, purpose", "does not open the commitment")),
        (changed(files, "versions.jsonl", 0, content="{}"), ("versions.jsonl", None, "is not what was committed to")),
        (changed(files, "grants.jsonl", 0, level="data_room"), ("grants.jsonl", "line 1", "has no entry")),
        (changed(files, "nda.jsonl", 0, text_hash="\\x" + "00" * 32), ("nda.jsonl", "line 1", "is not the text beside it")),
        (changed(files, "checkpoints.jsonl", 0, signature="00" * 64), ("checkpoints.jsonl", "checkpoint 1", "signature")),
        (changed(files, "checkpoints.jsonl", 1, head_seq=3), ("ledger.jsonl", "entry 3", "is another one than at checkpoint 2")),
        (changed(files, "checkpoints.jsonl", 0, leaf_index=1), ("checkpoints.jsonl", "checkpoint 1", "does not lead to the signed root")),
    )
    for altered, (file, record, flaw) in cases:
        found = verify_case(resigned(altered, key), public(key))
        assert isinstance(found, Finding) and (found.file, found.flaw) == (file, flaw) and record in (None, found.record), (found, file, flaw)


def test_each_file_in_turn_altered_or_taken_out_is_named(scene):
    whole, _one, key, *_rest = scene
    files = members(whole)
    for name in sorted(set(files) - {MANIFEST, SIGNATURE}):
        for altered in (files | {name: files[name] + b" "}, {other: content for other, content in files.items() if other != name}):
            found = verify_case(pack(altered), public(key))
            assert isinstance(found, Finding) and name in (found.file, "ledger.jsonl"), (name, found)


def test_what_belongs_to_an_agreement_is_held_against_its_entries_whoever_signed_the_file(scene):
    """Everything made anew by who has our key: what is left are the entries."""
    whole, _one, key, *_rest = scene
    files = members(whole)
    paper, document = (next(name for name in sorted(files) if name.startswith(place)) for place in ("papers/", "documents/"))
    text = next(name for name in sorted(files) if name.startswith("texts/renewal-"))
    last = files["nda_signatures.jsonl"].count(b"\n") - 1
    cases = (
        (files | {paper: files[paper] + b" "}, paper, "is not what was entered"),
        (files | {document: files[document] + b" "}, document, "is not what was entered"),
        (files | {text: files[text] + b" "}, "nda_renewals.jsonl", "is not the text beside it, or not what was signed"),
        (changed(files, "nda_signatures.jsonl", 0, title="Somebody else"), "nda_signatures.jsonl", "is not what was entered"),
        (changed(files, "nda_signatures.jsonl", 0, text_hash="00" * 32), "nda_signatures.jsonl", "is not what was entered"),
        (changed(files, "nda_signatures.jsonl", last, id="00000000-0000-0000-0000-000000000000"), "nda_signatures.jsonl", "has no entry"),
        (changed(files, "nda_papers.jsonl", 0, decision="confirmed"), "nda_papers.jsonl", "is not what was entered"),
        (changed(files, "schedules.jsonl", 0, text_en="Another company"), "schedules.jsonl", "is not what was entered"),
        (changed(files, "nda_documents.jsonl", 0, content_hash="00" * 32), "nda_documents.jsonl", "is not what was entered"),
        (files | {"nda_documents.jsonl": b""}, "nda_documents.jsonl", "is missing"),
        (files | {"nda_papers.jsonl": b"".join(files["nda_papers.jsonl"].splitlines(keepends=True)[:1])}, "nda_papers.jsonl", "is missing"),
    )
    for altered, file, flaw in cases:
        found = verify_case(resigned(altered, key), public(key))
        assert isinstance(found, Finding) and (found.file, found.flaw) == (file, flaw), (found, file, flaw)


def test_a_case_made_up_by_who_has_the_key_is_found_by_a_copy_that_a_party_kept(scene):
    whole, _one, key, *_rest = scene
    copies = [{"seq": point["seq"], "statement": point["statement"] + " "} for point in map(json.loads, members(whole)["checkpoints.jsonl"].splitlines())]
    assert verify_case(whole, public(key), copies) == Finding("checkpoints.jsonl", "checkpoint 1", "is another one than the copy")
    assert isinstance(verify_case(whole, public(Ed25519PrivateKey.generate())), Finding), "another platform's key"


async def test_the_command_writes_and_checks_it(world, scene, settings, monkeypatch, capsys, tmp_path):
    _whole, _one, _key, published, deals = scene
    monkeypatch.setenv("SUCCESSION_DEMO", "1")
    monkeypatch.setenv("SUCCESSION_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", world.database_url)

    async def run(*arguments):
        status = await asyncio.to_thread(command.run, [str(each) for each in arguments])
        return status, capsys.readouterr().out

    target = tmp_path / "case.zip"
    assert (await run("export", "--listing", published.listing_id, "--deal", deals[0], "--to", target))[0] == 0
    assert target.stat().st_mode & 0o077 == 0
    (tmp_path / "key.pem").write_bytes(members(target.read_bytes())["keys/platform.pem"])
    monkeypatch.delenv("DATABASE_URL")
    assert (await run("verify", target, "--key", tmp_path / "key.pem")) == (0, (await run("verify", target, "--key", tmp_path / "key.pem"))[1])
    target.write_bytes(target.read_bytes().replace(b'"seq":3', b'"seq":4', 1))
    status, said = await run("verify", target)
    assert status == 1 and said.startswith("ledger.jsonl, entry 4: gap")
    assert (await run("export", "--listing", published.listing_id))[0] == 2
    assert (await run("verify", tmp_path / "nothing"))[0] == 2
