"""Does a case file still say what was exported, and does what it says hold together? Checked offline, with nothing but the file.

    python case_check.py FILE [--key PUBLIC.pem] [--copy CHECKPOINTS]

This module imports the standard library and `cryptography`, and nothing of the program that wrote the file: it can be read and
run by itself. What it does not know, it says: without `--key` the file is compared with the public key inside it, which shows
that it is one piece and not whose.

    ledger.jsonl       the chain: hash = sha256(prev || body), from sha256("succession-ledger:<listing>"); the bodies of other
                       buyers' entries may be withheld, their place in the chain is not
    openings.jsonl     what the commitments in the bodies commit to: HMAC-SHA256(salt, value); or when it was erased, or that it is
                       withheld (who of the owner's side answered what, in a file that the holder of the listing took)
    nda*.jsonl         agreements, signatures, own papers, renewals, sealed documents; each has an entry that commits to its text, whose
                       hash is that of both languages, or to its PDF, beside it in texts/, papers/ and documents/
    versions.jsonl     what was shown, to the letter; its SHA-256 is what an entry `disclosed` commits to
    checkpoints.jsonl  what was signed over all ledgers, and the way from this ledger's last entry to the signed root
    manifest.json      SHA-256 of every other file, signed in manifest.sig
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import struct
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

FORMAT = "succession-case-1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MOST_BYTES = 1 << 31
BETWEEN = "\n\n\n"  # the Japanese text and the English one, where both are hashed


class Finding(NamedTuple):
    """The first thing that does not hold: the file it is in, which record of it, and what is wrong."""

    file: str
    record: str
    flaw: str

    def __str__(self) -> str:
        return f"{self.file}{', ' + self.record if self.record else ''}: {self.flaw}"


class Broken(Exception):
    def __init__(self, file: str, record: str, flaw: str) -> None:
        self.finding = Finding(file, record, flaw)
        super().__init__(str(self.finding))


class Case(NamedTuple):
    """What holds. `last_signed`: up to which entry a checkpoint vouches; `signed_by`: 32 bytes in hex."""

    entries: int
    withheld: int
    opened: int
    erased: int
    last_signed: int
    signed_by: str


def verify_case(raw: bytes, key: bytes | None = None, copies: Iterable[Mapping[str, Any]] = ()) -> Case | Finding:
    """Check a case file. `key`: the platform's public key (32 bytes) from elsewhere; `copies`: checkpoints kept elsewhere.

    Never raises for what is in the file: whatever is wrong with it is a Finding.
    """
    try:
        files = members(raw)
        manifest = _object(files, MANIFEST)
        if manifest.get("format") != FORMAT:
            raise Broken(MANIFEST, "", "another format")
        entries = _chain(files, manifest)
        opened, erased = _openings(files, entries)
        _versions(files, entries, opened)
        _as_listed(files, manifest, [name for name in {*manifest["files"], *files} if not name.endswith(".jsonl")])
        _records(files, entries, opened)
        _agreements(files, entries, opened)
        signed = _checkpoints(files, manifest, entries, key, list(copies))
        _whole(files, manifest, raw)
        by = _signature(files, manifest, key)
    except Broken as broken:
        return broken.finding
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, struct.error, zipfile.BadZipFile) as error:
        return Finding("the file", "", f"cannot be read: {type(error).__name__}")
    seen = [entry for entry in entries.values() if entry["body"] is not None]
    return Case(len(entries), len(entries) - len(seen), len(opened), erased, signed, by)


# ---------------------------------------------------------------------------------------------------------------------
# The container: a ZIP without compression, the same bytes for the same content


def pack(files: Mapping[str, bytes]) -> bytes:
    """The ZIP of these files: in order of their names, stored, without times."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, files[name])
    return made.getvalue()


def members(raw: bytes) -> dict[str, bytes]:
    """The files inside, read without trusting their checksums: what was altered is named by what it breaks."""
    if len(raw) > MOST_BYTES:
        raise Broken("the file", "", "is too large")
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for info in archive.infolist():
            if info.filename in found or info.compress_type != zipfile.ZIP_STORED:
                raise Broken(info.filename, "", "is there twice, or packed otherwise")
            name, extra = struct.unpack("<HH", raw[info.header_offset + 26 : info.header_offset + 30])
            start = info.header_offset + 30 + name + extra
            found[info.filename] = raw[start : start + info.file_size]
    for name in (MANIFEST, SIGNATURE, "ledger.jsonl"):
        if name not in found:
            raise Broken(name, "", "is missing")
    return found


def _object(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        found = json.loads(files[name])
    except ValueError:
        raise Broken(name, "", "is not JSON") from None
    if type(found) is not dict:
        raise Broken(name, "", "is not an object")
    return found


def _lines(files: Mapping[str, bytes], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(files.get(name, b"").splitlines(), 1):
        try:
            found = json.loads(line)
        except ValueError:
            raise Broken(name, f"line {number}", "is not JSON") from None
        if type(found) is not dict:
            raise Broken(name, f"line {number}", "is not an object")
        yield f"line {number}", found


# ---------------------------------------------------------------------------------------------------------------------
# The chain and what it commits to


def _chain(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every entry by its id, or by its number where it is withheld: `seq`, `body`, `hash`, `sum`."""
    prev = hashlib.sha256(f"succession-ledger:{UUID(manifest['listing_id'])}".encode()).hexdigest()
    entries: dict[str, dict[str, Any]] = {}
    seq = 0
    for _line, entry in _lines(files, "ledger.jsonl"):
        seq, where = seq + 1, f"entry {entry.get('seq')}"
        if entry.get("seq") != seq:
            raise Broken("ledger.jsonl", where, "gap" if type(entry.get("seq")) is int and entry["seq"] > seq else "order")
        if entry.get("prev") != prev:
            raise Broken("ledger.jsonl", where, "prev")
        body = None
        if "body" in entry:
            raw = entry["body"].encode()
            if hashlib.sha256(bytes.fromhex(prev) + raw).hexdigest() != entry.get("hash"):
                raise Broken("ledger.jsonl", where, "hash")
            body = json.loads(raw)
            if (body["entry_id"], body["kind"], body["deal_id"], body["listing_id"]) != (
                    entry.get("id"), entry.get("kind"), entry.get("deal_id"), manifest["listing_id"]):
                raise Broken("ledger.jsonl", where, "columns")
        elif entry.get("withheld") is not True:
            raise Broken("ledger.jsonl", where, "body")
        prev = bytes.fromhex(entry["hash"]).hex()
        entries[entry["id"] if body else f"#{seq}"] = {"seq": seq, "body": body, "hash": prev}
    if (seq, prev) != (manifest.get("head_seq"), manifest.get("head_hash")):
        raise Broken("ledger.jsonl", f"entry {seq + 1}" if seq < manifest.get("head_seq", 0) else f"entry {seq}", "cut_off")
    return entries


def _openings(files: Mapping[str, bytes], entries: Mapping[str, dict[str, Any]]) -> tuple[dict[str, Any], int]:
    """({id: what was committed to}, how many are erased or withheld)."""
    said = {opening["subject_id"]: (line, opening) for line, opening in _lines(files, "openings.jsonl")}
    opened, erased = {}, 0
    for entry in entries.values():
        for commitment in entry["body"]["commitments"] if entry["body"] else ():
            line, opening = said.pop(commitment["subject_id"], ("", None))
            where = f"entry {entry['seq']}, {commitment['subject']}"
            if opening is None:
                raise Broken("openings.jsonl", where, "is missing")
            if (opening.get("subject"), opening.get("commitment")) != (commitment["subject"], commitment["commitment"]):
                raise Broken("openings.jsonl", f"{line}, {where}", "belongs to another commitment")
            if "erased_on" in opening or opening.get("withheld") is True:
                erased += 1
                continue
            made = hmac.new(bytes.fromhex(opening["salt"]), opening["value"].encode(), hashlib.sha256).hexdigest()
            if made != commitment["commitment"]:
                raise Broken("openings.jsonl", f"{line}, {where}", "does not open the commitment")
            opened[commitment["subject_id"]] = json.loads(opening["value"])
    if said:
        raise Broken("openings.jsonl", next(iter(said.values()))[0], "belongs to no entry")
    return opened, erased


def _committed(entry: Mapping[str, Any], opened: Mapping[str, Any], subject: str) -> Any:
    return next((opened.get(each["subject_id"]) for each in entry["body"]["commitments"] if each["subject"] == subject), None)


def _versions(files: Mapping[str, bytes], entries: Mapping[str, dict[str, Any]], opened: Mapping[str, Any]) -> None:
    """What was shown is what the entries commit to."""
    versions = {version["id"]: (line, version) for line, version in _lines(files, "versions.jsonl")}
    for entry in entries.values():
        if entry["body"] is None or entry["body"]["kind"] != "disclosed":
            continue
        line, version = versions.get(entry["body"]["version_id"], ("", None))
        if version is None and _committed(entry, opened, "content") is None:
            continue  # purged together with what was committed to
        if version is None or version.get("fact_group") != entry["body"]["fact_group"]:
            raise Broken("versions.jsonl", f"{line}, entry {entry['seq']}".strip(", "), "is missing or of another group")
        content = _committed(entry, opened, "content")
        if content is not None and "content" in version and hashlib.sha256(version["content"].encode()).hexdigest() != content["sha256"]:
            raise Broken("versions.jsonl", f"{line}, entry {entry['seq']}", "is not what was committed to")


# ---------------------------------------------------------------------------------------------------------------------
# The records beside the chain


def _records(files: Mapping[str, bytes], entries: Mapping[str, dict[str, Any]], opened: Mapping[str, Any]) -> None:
    for line, grant, entry in _pairs(files, "grants.jsonl", _by(entries, "grant_id", "released")):
        if (entry["body"]["entry_id"], entry["body"]["level"]) != (grant["ledger_entry_id"], grant["level"]):
            raise Broken("grants.jsonl", line, "has no entry")
    texts = {nda["id"]: (line, nda) for line, nda in _lines(files, "nda.jsonl")}
    for line, nda in texts.values():
        if _texts_hash(files, f"nda-{nda['id']}") != _hex(nda["text_hash"]):
            raise Broken("nda.jsonl", line, "is not the text beside it")
    for entry in entries.values():
        body = entry["body"] or {}
        said = _committed(entry, opened, "text_hash") if body.get("kind") in ("nda_offered", "nda_signed") else None
        if said is not None and (body["nda_id"] not in texts or _hex(texts[body["nda_id"]][1]["text_hash"]) != said):
            raise Broken("nda.jsonl", f"entry {entry['seq']}", "is another text than the one in the ledger")
    for line, consent in _lines(files, "consents.jsonl"):
        if hashlib.sha256(_file(files, f"texts/consent-{consent['id']}.ja.txt")).hexdigest() != _hex(consent["shown_hash"]):
            raise Broken("consents.jsonl", line, "is not the text beside it")
    for line, access in _lines(files, "accesses.jsonl"):
        if not all(each in entries for each in access.get("entries") or ()):
            raise Broken("accesses.jsonl", line, "refers to an entry that is not there")


def _agreements(files: Mapping[str, bytes], entries: Mapping[str, dict[str, Any]], opened: Mapping[str, Any]) -> None:
    """Signatures, papers, renewals, schedules and sealed documents are those that were entered, and the text or PDF beside them."""
    signed_texts = {}
    for line, row, entry in _pairs(files, "nda_signatures.jsonl", _by(entries, "signature_id", "nda_signed", "nda_countersigned", "nda_renewed")):
        body, said, signer = entry["body"], _committed(entry, opened, "text_hash"), _committed(entry, opened, "signer")
        if ((row["act"], row["authority"], row["nda_id"]) != (body["act"], body["authority"], body["nda_id"]) or said not in (None, _hex(row["text_hash"]))
                or signer not in (None, {name: row[name] for name in ("name", "title", "email")})):
            raise Broken("nda_signatures.jsonl", line, "is not what was entered")
        signed_texts[row["renewal_id"]] = _hex(row["text_hash"])
    for line, row in _lines(files, "nda_renewals.jsonl"):
        if not _texts_hash(files, f"renewal-{row['id']}") == _hex(row["text_hash"]) == signed_texts.get(row["id"]):
            raise Broken("nda_renewals.jsonl", line, "is not the text beside it, or not what was signed")
    decided = {key: entry["body"] for key, entry in _by(entries, "paper_id", "nda_paper_decided").items()}
    for line, row, entry in _pairs(files, "nda_papers.jsonl", _by(entries, "paper_id", "nda_paper_entered")):
        _pdf(files, f"papers/nda-{row['id']}.pdf", _hex(row["content_hash"]))
        if _committed(entry, opened, "content_hash") not in (None, _hex(row["content_hash"])) or row["decision"] != decided.get(row["id"], {}).get("decision"):
            raise Broken("nda_papers.jsonl", line, "is not what was entered")
    for line, nda in _lines(files, "nda.jsonl"):
        if nda["paper_id"] and decided.get(nda["paper_id"], {}).get("nda_id") != nda["id"]:
            raise Broken("nda.jsonl", line, "rests on a paper that was not confirmed")
    for line, row, entry in _pairs(files, "schedules.jsonl", _by(entries, "schedule_id", "nda_schedule")):
        both = hashlib.sha256(f"{row['text_ja']}{BETWEEN}{row['text_en']}".encode()).hexdigest()
        if not both == _hex(row["text_hash"]) or _committed(entry, opened, "text_hash") not in (None, both):
            raise Broken("schedules.jsonl", line, "is not what was entered")
    for line, row, entry in _pairs(files, "nda_documents.jsonl", _by(entries, "document_id", "nda_sealed")):
        _pdf(files, f"documents/nda-{row['id']}.pdf", entry["body"]["content_hash"])
        if (_hex(row["content_hash"]), row["nda_id"]) != (entry["body"]["content_hash"], entry["body"]["nda_id"]):
            raise Broken("nda_documents.jsonl", line, "is not what was entered")


def _by(entries: Mapping[str, dict[str, Any]], field: str, *kinds: str) -> dict[str, dict[str, Any]]:
    """The entries of these kinds by what they are about."""
    return {entry["body"][field]: entry for entry in entries.values() if entry["body"] and entry["body"]["kind"] in kinds and entry["body"].get(field)}


def _pairs(files: Mapping[str, bytes], name: str, wanted: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every record with its entry; none of either is left over."""
    for line, row in _lines(files, name):
        entry = wanted.pop(row["id"], None)
        if entry is None:
            raise Broken(name, line, "has no entry")
        yield line, row, entry
    if wanted:
        raise Broken(name, f"entry {min(entry['seq'] for entry in wanted.values())}", "is missing")


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise Broken(name, "", "is missing")
    return files[name]


def _pdf(files: Mapping[str, bytes], name: str, entered: str) -> None:
    if hashlib.sha256(_file(files, name)).hexdigest() != entered:
        raise Broken(name, "", "is not what was entered")


def _texts_hash(files: Mapping[str, bytes], stem: str) -> str:
    both = _file(files, f"texts/{stem}.ja.txt") + BETWEEN.encode() + _file(files, f"texts/{stem}.en.txt")
    return hashlib.sha256(both).hexdigest()


def _hex(written: str) -> str:
    return written.removeprefix("\\x")


# ---------------------------------------------------------------------------------------------------------------------
# Signatures


def _checkpoints(files: Mapping[str, bytes], manifest: Mapping[str, Any], entries: Mapping[str, dict[str, Any]], key: bytes | None,
                 copies: list[Mapping[str, Any]]) -> int:
    """The number of the last entry that a checkpoint vouches for."""
    hashes, last = {entry["seq"]: entry["hash"] for entry in entries.values()}, 0
    statements = {}
    for line, point in _lines(files, "checkpoints.jsonl"):
        where, statement = f"checkpoint {point['seq']}", point["statement"].encode()
        said = json.loads(statement)
        public = bytes.fromhex(point["public_key"])
        if said["kind"] != "ledger_checkpoint" or said["seq"] != point["seq"] or point["seq"] in statements:
            raise Broken("checkpoints.jsonl", f"{line}, {where}", "says another number")
        if not signed(public, statement, bytes.fromhex(point["signature"])):
            raise Broken("checkpoints.jsonl", where, "signature")
        if hashes.get(point["head_seq"]) != point["head_hash"]:
            raise Broken("ledger.jsonl", f"entry {point['head_seq']}", f"is another one than at {where}")
        reached = hashlib.sha256(b"\0" + bytes.fromhex(point["leaf_salt"]) + b"L" + UUID(manifest["listing_id"]).bytes
                                 + point["head_seq"].to_bytes(8, "big") + bytes.fromhex(point["head_hash"])).digest()
        index = point["leaf_index"]
        for beside in point["path"]:
            other = bytes.fromhex(beside)
            reached = hashlib.sha256(b"\1" + (other + reached if index & 1 else reached + other)).digest()
            index >>= 1
        if reached.hex() != said["merkle_root"]:
            raise Broken("checkpoints.jsonl", where, "does not lead to the signed root")
        statements[point["seq"]] = point["statement"]
        last = max(last, point["head_seq"])
    for copy in copies:
        if copy["seq"] in statements and statements[copy["seq"]] != copy["statement"]:
            raise Broken("checkpoints.jsonl", f"checkpoint {copy['seq']}", "is another one than the copy")
    return last


def _whole(files: Mapping[str, bytes], manifest: Mapping[str, Any], raw: bytes) -> None:
    _as_listed(files, manifest, {*manifest["files"], *files})
    if pack(files) != raw:
        raise Broken("the file", "", "holds bytes that belong to nothing in it")


def _as_listed(files: Mapping[str, bytes], manifest: Mapping[str, Any], names: Iterable[str]) -> None:
    listed = manifest["files"]
    for name in sorted({*names} - {MANIFEST, SIGNATURE}):
        if name not in files:
            raise Broken(name, "", "is missing")
        if name not in listed:
            raise Broken(name, "", "is not in the manifest")
        if hashlib.sha256(files[name]).hexdigest() != listed[name]:
            raise Broken(name, "", "is not the file of the manifest")


def _signature(files: Mapping[str, bytes], manifest: Mapping[str, Any], key: bytes | None) -> str:
    said = _object(files, SIGNATURE)
    public = bytes.fromhex(said["public_key"])
    if set(said) != {"algorithm", "public_key", "signature"} or said["algorithm"] != "Ed25519":
        raise Broken(SIGNATURE, "", "says something else")
    if files[SIGNATURE] != (json.dumps(said, sort_keys=True, separators=(",", ":")) + "\n").encode():
        raise Broken(SIGNATURE, "", "is written otherwise")
    if not signed(public, files[MANIFEST], bytes.fromhex(said["signature"])):
        raise Broken(MANIFEST, "", "signature")
    if key is not None and public != key:
        raise Broken(MANIFEST, "", "signed with another key than the one given")
    return public.hex()


def signed(public: bytes, statement: bytes, signature: bytes) -> bool:
    """Whether this Ed25519 key (32 bytes) signed the statement."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_key(pem: bytes) -> bytes:
    """The 32 bytes of an Ed25519 public key in PEM. Raises ValueError."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key.public_bytes_raw()


def report(found: Case | Finding, pinned: bool) -> tuple[int, str]:
    """(exit status, what is printed)."""
    if isinstance(found, Finding):
        return 1, str(found)
    words = [f"{found.entries} entries ({found.withheld} withheld): every link holds",
             f"{found.opened} commitments opened, {found.erased} erased or withheld",
             f"checkpoints vouch for the entries up to {found.last_signed}" if found.last_signed else "no checkpoint vouches for this ledger yet",
             f"signed with {found.signed_by}" + ("" if pinned else ", which the file itself names: compare it with the platform's")]
    return 0, "\n".join(words)


def main(arguments: list[str]) -> int:
    """Exit status: 0 it holds, 1 it does not, 2 wrong call."""
    options = {arguments[n]: arguments[n + 1] for n in range(len(arguments) - 1) if arguments[n] in ("--key", "--copy")}
    names = [each for each in arguments if each not in options and each not in options.values()]
    try:
        (name,) = names
        with open(name, "rb") as file:
            raw = file.read(MOST_BYTES + 1)
        key = read_key(open(options["--key"], "rb").read()) if "--key" in options else None
        copies = [json.loads(line) for line in open(options["--copy"], "rb")] if "--copy" in options else []
    except (OSError, ValueError) as error:
        print(f"usage: FILE [--key PUBLIC.pem] [--copy CHECKPOINTS] ({type(error).__name__})", file=sys.stderr)
        return 2
    status, words = report(verify_case(raw, key, copies), key is not None)
    print(words)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
