"""Does a PDF of ours hold every letter it shows, in fonts of its own, beside its counterpart, and under a seal that breaks?"""

from __future__ import annotations

import http.server
import io
import logging
import threading
import unicodedata
from datetime import UTC, date, datetime, timedelta

import pikepdf
import pypdfium2
import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image, ImageChops, ImageStat
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import timestamps
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from succession import keys
from succession.config import Settings
from succession.disclosure.nda_text import Parties, Terms, nda_text
from succession.typeset.pdf import Paper, printable
from succession.typeset.seal import seal_pdf
from succession.typeset.watermark import letters

NAMES = {"ja": "髙橋直骨製作所", "zh-Hans": "北京虚构机械有限公司", "zh-Hant": "臺灣虛構實業股份有限公司", "ko": "주식회사 가상상사 김철수",
         "vi": "Nguyễn Văn Ảo", "pl": "Spółka Łódzka", "ru": "ООО «Вымысел»"}  # fmt: skip
# What stands above, below or to the left of what is read before it comes back in another order: these are compared as they are seen.
STACKED = ("บริษัท สมมติ จำกัด", "شركة (خيال) 12 القابضة", "חברה בדיונית בע״מ", "काल्पनिक क्षेत्र लिमिटेड")
MADE_AT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def document() -> bytes:
    text = nda_text(Terms("two_party", 24), Parties("Calm Heron 42", "架空アドバイザリー株式会社", NAMES["zh-Hans"], "CN"), date(2026, 11, 22))
    paper = Paper("A title", "a subject", "ja", "a foot", MADE_AT)
    paper.side_by_side(zip(text.ja.split("\n\n"), text.en.split("\n\n"), strict=True), ("ja", "zh-Hans"))
    paper.facts((language, name, language) for language, name in NAMES.items())
    return bytes(paper.output())


@pytest.fixture(scope="module")
def seal(tmp_path_factory) -> keys.Seal:
    directory = tmp_path_factory.mktemp("keys")
    return keys.seal(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_KEYS_DIR": str(directory)}))


def text_of(content: bytes) -> str:
    pages = pypdfium2.PdfDocument(content)
    return "\n".join(page.get_textpage().get_text_range() for page in pages)


def test_every_name_comes_back_as_it_was_written(document):
    said = text_of(document)
    for name in NAMES.values():
        assert name in said, name
    whole = "".join(said.split())
    for clause in ("受領者は、秘密情報を自らの製品、役務若しくは製造方法に利用し、又は第三者に利用させてはならない。", "反社会的勢力", "リバースエンジニアリング"):
        assert clause[:8] in whole, clause
    assert "Exclusion of anti-social forces" in said and "a foot" in said


def test_every_font_is_inside_as_a_subset_and_the_document_says_what_it_is(document):
    with pikepdf.open(io.BytesIO(document)) as pdf:
        described = [each for each in pdf.objects if isinstance(each, pikepdf.Dictionary) and each.get("/Type") == "/FontDescriptor"]
        assert len(described) == 2
        for font in described:
            assert "/FontFile2" in font or "/FontFile3" in font, font.FontName
            assert str(font.FontName)[7] == "+", "a subset"
        used = [each for each in pdf.objects if isinstance(each, pikepdf.Dictionary) and each.get("/Type") == "/Font"]
        assert all("/ToUnicode" in each or each.get("/Subtype") in ("/CIDFontType0", "/CIDFontType2") for each in used)
        (intent,) = pdf.Root.OutputIntents
        assert intent.S == "/GTS_PDFA1" and intent.DestOutputProfile.N == 3
        assert bytes(intent.DestOutputProfile.read_bytes())[36:40] == b"acsp", "a profile"
        said = pdf.Root.Metadata.read_bytes().decode()
        assert "A title" in said and "<pdfaid:part>2" in said and pdf.Root.Lang == "ja"
    assert len(document) < 400_000


def test_one_letter_is_drawn_as_its_language_draws_it():
    def drawn(language: str) -> bytes:
        paper = Paper("t", "s", "ja", "", MADE_AT)
        paper.paragraph("直骨", language)
        return pypdfium2.PdfDocument(bytes(paper.output()))[0].render(scale=4).to_pil().tobytes()

    assert len({drawn(language) for language in ("ja", "zh-Hans", "zh-Hant")}) == 3


@pytest.mark.parametrize("name", STACKED)
def test_a_name_in_a_script_that_stacks_or_turns_is_seen_as_it_is_read(name, caplog):
    def shape(picture: Image.Image) -> Image.Image:
        return picture.crop(picture.getbbox()).resize((400, 40))

    paper = Paper("t", "s", "ja", "", MADE_AT)
    paper.paragraph(name, "en")
    printed = pypdfium2.PdfDocument(bytes(paper.output()))[0].render(scale=8).to_pil().convert("L").point(lambda light: 255 - light)
    printed = printed.crop((0, 0, printed.width, printed.height // 2))
    apart = {each: ImageStat.Stat(ImageChops.difference(shape(printed), shape(letters(each, 68, "en")))).mean[0] for each in (name, name[::-1])}
    assert apart[name] < 12 < 30 < apart[name[::-1]], apart
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]  # other tests turn the rest on
    assert not told, "fpdf2 warns of glyphs a font has not"


def test_lines_break_where_they_may_and_never_grow_wider_than_their_column():
    paper = Paper("t", "s", "ja", "", MADE_AT)
    text = "受領者（以下「受領者」という。）は、秘密情報を、本件を実行するかどうか及びその条件を検討する目的のためにのみ使用する。" * 3
    lines = paper.lines(text, 60)
    assert "".join(lines) == text and len(lines) > 5
    assert all(line[0] not in "、。）」" and line[-1] not in "（「" for line in lines)
    paper.speak("en")
    words = paper.lines("confidential information " * 12 + "x" * 200, 60)
    assert all(paper.get_string_width(line) <= 60 for line in (*lines, *words))
    assert all(line in ("confidential information " * 12).strip() for line in words[:3]), "between words"
    assert paper.lines("", 60) == [""]
    assert all(unicodedata.category(line[0])[0] != "M" for line in paper.lines("ที่ปรึกษาสมมติ" * 30, 60)), "no mark without its letter"


def test_a_letter_no_font_has_is_seen_to_be_missing():
    assert printable("架空\U0001F642") == "架空〓" and printable(NAMES["ko"]) == NAMES["ko"]


def checked(content: bytes, seal: keys.Seal):
    trusted = certificate_of(seal)
    context = ValidationContext(trust_roots=[trusted], allow_fetching=False)
    return validate_pdf_signature(PdfFileReader(io.BytesIO(content)).embedded_signatures[0], signer_validation_context=context,
                                  ts_validation_context=context)


def certificate_of(seal: keys.Seal) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(seal.certificate.public_bytes(Encoding.DER))


def test_the_seal_holds_against_the_platforms_certificate_and_breaks_with_one_byte(document, seal, tmp_path_factory):
    sealed = seal_pdf(document, seal, "a reason", None)
    status = checked(sealed, seal)
    assert status.valid and status.intact and status.trusted and status.coverage.name == "ENTIRE_FILE" and status.timestamp_validity is None
    assert text_of(sealed).split() == text_of(document).split()
    signature = PdfFileReader(io.BytesIO(sealed)).embedded_signatures[0]
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached", "PAdES"
    place = sealed.index(b"stream") + 40
    altered = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1:]
    assert not checked(altered, seal).intact
    keys.make(other := tmp_path_factory.mktemp("other"), "other.example")
    stranger = keys.seal(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_KEYS_DIR": str(other)}))
    assert not checked(sealed, stranger).trusted


def time_stamp_authority() -> tuple[asn1_x509.Certificate, asn1_keys.PrivateKeyInfo]:
    key, name = rsa.generate_private_key(65537, 2048), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fictitious clock")])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
            .not_valid_before(datetime.now(UTC) - timedelta(days=1)).not_valid_after(datetime.now(UTC) + timedelta(days=1))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True).sign(key, SHA256()))
    return (asn1_x509.Certificate.load(made.public_bytes(Encoding.DER)),
            asn1_keys.PrivateKeyInfo.load(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())))


def test_with_a_time_stamp_server_the_seal_says_when(document, seal):
    """A server of RFC 3161 on this machine, with a key of its own: asked over HTTP as any other."""
    authority, key = time_stamp_authority()
    stamper = timestamps.DummyTimeStamper(authority, key)

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
            answer = stamper.request_tsa_response(asked).dump()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sealed = seal_pdf(document, seal, "a reason", f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    context = ValidationContext(trust_roots=[certificate_of(seal), authority], allow_fetching=False)
    status = validate_pdf_signature(PdfFileReader(io.BytesIO(sealed)).embedded_signatures[0], context, ts_validation_context=context)
    assert status.intact and status.valid and status.timestamp_validity.intact and status.timestamp_validity.valid
