"""What is left of a file after it was cleaned, what does a page look like, and what can a parser that was taken over reach?"""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path

import openpyxl
import openpyxl.comments
import pikepdf
import pytest
from papers import SECRET, image, office, pdf
from PIL import Image, ImageChops

from succession.typeset.watermark import watermarked
from succession.workbench import pool
from succession.workbench.mark import marks_in
from succession.workbench.pool import Broken, RefusedContent, Workbench

MARK = "ABCDEFGH23456723"
LINES = ["田中 太郎", "株式会社架空商事", f"2026-11-30 21:45 UTC  {MARK}"]


@pytest.fixture
async def bench():
    made = Workbench()
    yield made
    made.close()


async def run(bench: Workbench, name: str, content: bytes, **arguments):
    async def read_at(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    async with bench.job(name, arguments, len(content), read_at) as job:
        made = b"".join([piece async for piece in job])
        return made, job.result


async def refused(bench: Workbench, filename: str, content: bytes) -> str:
    with pytest.raises(RefusedContent) as caught:
        await run(bench, "clean", content, filename=filename)
    return caught.value.code


def words_of(content: bytes) -> bytes:
    """Everything a PDF says anywhere, unpacked."""
    with pikepdf.open(io.BytesIO(content)) as opened:
        said = [repr(dict(each)).encode() if isinstance(each, pikepdf.Dictionary) else b"" for each in opened.objects]
        return content + b"".join(said) + b"".join(each.read_bytes() for each in opened.objects if isinstance(each, pikepdf.Stream)
                                                   and each.get("/Subtype") != "/Image")


# ---------------------------------------------------------------------------------------------------------------------
# Cleaning


async def test_a_pdf_keeps_its_pages_and_nothing_that_tells_or_acts(bench):
    before = pdf(3, turned=90)
    assert SECRET.encode() in words_of(before)
    after, result = await run(bench, "clean", before, filename="a.pdf")
    assert result == {"kind": "pdf", "pages": 3}
    said = words_of(after)
    assert b"Statement of accounts 3" in said and SECRET.encode() not in said
    for word in (b"/JavaScript", b"/Launch", b"/EmbeddedFile", b"/Metadata", b"/OpenAction", b"/AA"):
        assert word not in said, word
    again, _result = await run(bench, "clean", after, filename="a.pdf")
    assert words_of(again).count(b"Statement") == said.count(b"Statement")


@pytest.mark.parametrize(("key", "value"), [
    ("A", {"S": "/JavaScript", "JS": SECRET}), ("A", {"S": "/SubmitForm", "F": SECRET}), ("A", {"S": "/GoToR", "F": SECRET}),
    ("PA", {"S": "/Launch", "F": SECRET}), ("A", {"S": "/URI", "URI": "https://fictitious.example/"})])
async def test_of_what_an_annotation_does_only_a_web_address_stays(bench, key, value):
    with pikepdf.open(io.BytesIO(pdf(1, active=False))) as opened:
        action = pikepdf.Dictionary({f"/{name}": pikepdf.Name(text) if text.startswith("/") else pikepdf.String(text) for name, text in value.items()})
        link = pikepdf.Dictionary({"/Type": pikepdf.Name.Annot, "/Subtype": pikepdf.Name.Link, "/Rect": [0, 0, 9, 9], f"/{key}": action})
        opened.pages[0].obj.Annots = pikepdf.Array([opened.make_indirect(link)])
        out = io.BytesIO()
        opened.save(out)
    after, _result = await run(bench, "clean", out.getvalue(), filename="a.pdf")
    assert (b"fictitious.example" in words_of(after)) == (value["S"] == "/URI") and SECRET.encode() not in words_of(after)


@pytest.mark.parametrize("kind", ["png", "jpeg"])
async def test_a_picture_keeps_its_pixels_alone(bench, kind):
    before = image(kind)
    after, result = await run(bench, "clean", before, filename=f"a.{kind}")
    assert result == {"kind": kind, "pages": 1} and SECRET.encode() in before and SECRET.encode() not in after
    then, now = (Image.open(io.BytesIO(each)).convert("RGB") for each in (before, after))
    assert then.size == now.size and max(high for _low, high in ImageChops.difference(then, now).getextrema()) == 0
    assert not dict(Image.open(io.BytesIO(after)).getexif())


async def test_a_photograph_that_lay_on_its_side_is_turned_upright_before_it_forgets(bench):
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 40), "red").save(out, "JPEG", exif=exif)
    after, _result = await run(bench, "clean", out.getvalue(), filename="a.jpg")
    assert Image.open(io.BytesIO(after)).size == (40, 80)


@pytest.mark.parametrize("kind", ["xlsx", "docx", "pptx"])
async def test_an_office_file_forgets_who_saved_it_and_when(bench, kind):
    after, result = await run(bench, "clean", office(kind), filename=f"a.{kind}")
    assert result == {"kind": kind, "pages": None} and SECRET.encode() not in b"".join(
        zipfile.ZipFile(io.BytesIO(after)).read(name) for name in zipfile.ZipFile(io.BytesIO(after)).namelist())
    assert {entry.date_time for entry in zipfile.ZipFile(io.BytesIO(after)).infolist()} == {(1980, 1, 1, 0, 0, 0)}


W = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SAID = {
    "docx": {"word/comments.xml": b'<w:comments %s><w:comment w:id="1" w:author="SECRET" w:initials="ST" w:date="2026-01-05T09:00:00Z"><w:p><w:r>'
                                  b'<w:t>kept words</w:t></w:r></w:p></w:comment><w:comment w:id="2" w:author="SECRET B"/></w:comments>' % W,
             "word/people.xml": b'<w15:people xmlns:w15="x15"><w15:person w15:author="SECRET B"><w15:presenceInfo w15:providerId="AD" '
                                b'w15:userId="SECRET@fictitious.example"/></w15:person></w15:people>',
             "word/document.xml": b'<w:document %s><w:ins w:id="3" w:author="SECRET" w:date="2026-01-05T09:00:00Z"><w:r><w:t>added</w:t></w:r></w:ins>'
                                  b'<w:del w:id="4" w:author="SECRET B"/><w:rPr><w:rPrChange w:author="SECRET"/></w:rPr></w:document>' % W},
    "xlsx": {"xl/comments1.xml": b'<comments><authors><author>SECRET</author></authors><commentList><comment ref="A1" authorId="0"><text><r><t>SECRET:</t></r>'
                                 b'<r><t>kept words</t></r></text></comment></commentList></comments>',
             "xl/threadedComments/threadedComment1.xml": b'<ThreadedComments><threadedComment ref="A1" dT="2026-01-05T09:00:00" personId="{1}"/></ThreadedComments>',
             "xl/persons/person.xml": b'<personList><person displayName="SECRET" id="{1}" userId="S::SECRET@fictitious.example" providerId="AD"/></personList>',
             "xl/workbook.xml": b'<workbook xmlns:a="a"><fileSharing userName="SECRET"/><a:absPath url="C:\\Users\\SECRET\\"/></workbook>'},
    "pptx": {"ppt/commentAuthors.xml": b'<p:cmAuthorLst xmlns:p="p"><p:cmAuthor id="0" name="SECRET" initials="S"/></p:cmAuthorLst>',
             "ppt/authors.xml": b'<a:authorLst xmlns:a="a"><a:author id="{2}" name="SECRET" initials="S" userId="SECRET" providerId="AD"/></a:authorLst>',
             "ppt/comments/comment1.xml": b'<p:cmLst xmlns:p="p"><p:cm authorId="0" dt="2026-01-05T09:00:00"><p:text>kept words</p:text></p:cm></p:cmLst>'},
}  # fmt: skip


@pytest.mark.parametrize("kind", SAID)
async def test_comments_and_changes_keep_their_words_and_lose_who_said_them_and_when(bench, kind):
    parts = {name.replace("/", "__").replace(".", "_dot_"): content.replace(b"SECRET", SECRET.encode()) for name, content in SAID[kind].items()}
    after, _result = await run(bench, "clean", office(kind, **parts), filename=f"a.{kind}")
    said = {name: zipfile.ZipFile(io.BytesIO(after)).read(name) for name in SAID[kind]}
    whole = b"".join(said.values())
    assert SECRET.encode() not in whole and b"2026-01" not in whole and b"kept words" in whole and b"Author 1" in whole
    if kind == "docx":
        assert said["word/comments.xml"].count(b"Author 1") == 1 and b'w:author="Author 1"' in said["word/document.xml"], "the same one everywhere"
        assert b'w15:author="Author 2"' in said["word/people.xml"] and b"<w:t>added</w:t>" in said["word/document.xml"]
    again, _result = await run(bench, "clean", after, filename=f"a.{kind}")
    assert b"kept words" in b"".join(zipfile.ZipFile(io.BytesIO(again)).read(name) for name in SAID[kind])


async def test_a_workbook_with_a_comment_opens_as_before(bench):
    book, written = openpyxl.Workbook(), io.BytesIO()
    book.active["A1"] = 7
    book.active["A1"].comment = openpyxl.comments.Comment(f"{SECRET}: kept words", SECRET)
    book.save(written)
    after, _result = await run(bench, "clean", written.getvalue(), filename="a.xlsx")
    cell = openpyxl.load_workbook(io.BytesIO(after)).active["A1"]
    assert (cell.value, cell.comment.author, cell.comment.text) == (7, "Author 1", "Author 1: kept words")


async def test_a_part_that_is_not_what_it_should_be_is_refused(bench):
    entity = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
    for content in (entity, b"<x>", b"\x00"):
        assert await refused(bench, "a.docx", office("docx", word__comments_dot_xml=content)) == "not_readable"


async def test_a_workbook_behind_a_chart_is_cleaned_too(bench):
    after, _result = await run(bench, "clean", office("pptx", ppt__embeddings__Sheet1_dot_xlsx=office("xlsx")), filename="a.pptx")
    inner = zipfile.ZipFile(io.BytesIO(zipfile.ZipFile(io.BytesIO(after)).read("ppt/embeddings/Sheet1.xlsx")))
    assert SECRET.encode() not in inner.read("docProps/core.xml")
    nested = office("xlsx", xl__embeddings__B_dot_xlsx=office("xlsx"))
    assert await refused(bench, "a.pptx", office("pptx", ppt__embeddings__A_dot_xlsx=nested)) == "too_much_inside"


def rels(kind: str, mode: str) -> bytes:
    return (f'<Relationships xmlns="x"><Relationship Id="1" Target="https://fictitious.example/x" TargetMode="{mode}" '
            f'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"/></Relationships>').encode()


async def test_what_is_refused_and_why(bench):
    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf())) as opened:
        opened.save(locked, encryption=pikepdf.Encryption(owner="o", user="u"))
    swollen = io.BytesIO()
    with zipfile.ZipFile(swollen, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml"):
            archive.writestr(name, "<x/>")
        archive.writestr("xl/sheet.xml", bytes(30_000_000))
    lying = bytearray(swollen.getvalue())
    at = lying.rindex(b"PK\x01\x02")
    lying[at + 24 : at + 28] = (500).to_bytes(4, "little")  # the last part claims to unpack to 500 bytes
    large = io.BytesIO()
    Image.new("1", (9000, 9000)).save(large, "PNG")
    for filename, content, code in (
        ("a.pdf", locked.getvalue(), "encrypted"), ("a.pdf", b"%PDF-1.7 x", "not_readable"), ("a.png", image("png")[:200], "not_readable"),
        ("a.png", large.getvalue(), "too_much_inside"), ("a.xlsx", swollen.getvalue(), "too_much_inside"),
        ("a.xlsx", bytes(lying), "not_readable"), ("a.xlsx", office("docx"), "not_what_it_says"), ("a.pdf", image("png"), "not_what_it_says"),
        ("a.xlsx", office("xlsx", xl__vbaProject_dot_bin=b"x"), "active_content"),
        ("a.docx", office("docx", word__activeX__activeX1_dot_xml=b"<x/>"), "active_content"),
        ("a.docx", office("docx", word__embeddings__oleObject1_dot_bin=b"x"), "active_content"),
        ("a.docx", office("docx", word___rels__settings_dot_xml_dot_rels=rels("attachedTemplate", "External")), "active_content"),
        ("a.txt", b"a\x00b", "not_what_it_says"), ("a.csv", b"\xff\xfe\xfd\x81", "not_what_it_says"), ("a.exe", b"MZ", "not_what_it_says"),
    ):
        assert await refused(bench, filename, content) == code, (filename, code)
    linked = office("docx", word___rels__document_dot_xml_dot_rels=rels("hyperlink", "External"))
    assert (await run(bench, "clean", linked, filename="a.docx"))[1]["kind"] == "docx"


# ---------------------------------------------------------------------------------------------------------------------
# Pages and copies


@pytest.mark.parametrize(("kind", "content", "page"), [("pdf", pdf(2, turned=270), 2), ("png", image("png"), 1), ("jpeg", image("jpeg"), 1),
                                                       ("txt", "決算の注記\n".encode() * 80, 2), ("csv", "年,円\n".encode("cp932") * 3, 1)])
async def test_a_page_is_a_picture_with_the_readers_name_on_every_part_of_it(bench, kind, content, page):
    shown, _size = await run(bench, "page", content, kind=kind, page=page, width=800, lines=LINES, language="ja")
    other, _size = await run(bench, "page", content, kind=kind, page=page, width=800, lines=["Юлия Иванова", "Kakuu Sp. z o.o.", "2026"], language="ja")
    one, two = (Image.open(io.BytesIO(each)) for each in (shown, other))
    assert one.format == "PNG" and one.width <= 800 and not one.info
    difference = ImageChops.difference(one, two).convert("L").point(lambda level: 255 if level > 12 else 0)
    for column in range(3):
        for row in range(3):
            part = difference.crop((column * one.width // 3, row * one.height // 3, (column + 1) * one.width // 3, (row + 1) * one.height // 3))
            assert part.histogram()[255] > 100, (kind, column, row)
    with pytest.raises(RefusedContent, match="no_such_page"):
        await run(bench, "page", content, kind=kind, page=page + 1, width=800, lines=LINES, language="ja")


@pytest.mark.parametrize("name", ["田中 太郎", "王小明", "김철수", "Łukasz Żółć", "Юлия Иванова", "Nguyễn Thị Hương", "Γιώργος"])
@pytest.mark.parametrize("ground", ["white", "black"])
def test_every_script_is_written_and_can_be_seen_on_white_and_on_black(name, ground):
    page = Image.new("RGB", (700, 990), ground)
    with_name, without = (watermarked(page, [line, "2026-11-30"]) for line in (name, " " * len(name)))
    seen = ImageChops.difference(with_name, without).convert("L").point(lambda level: 255 if level > 20 else 0)
    assert seen.histogram()[255] > 1500
    assert max(high for _low, high in ImageChops.difference(with_name, page).getextrema()) >= 50


def test_the_shapes_of_one_character_follow_the_readers_language():
    page = Image.new("RGB", (600, 600), "white")
    assert ImageChops.difference(watermarked(page, ["直角骨"], "ja"), watermarked(page, ["直角骨"], "zh-Hans")).getbbox()


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
async def test_a_copy_of_a_pdf_carries_its_mark_where_it_is_seen_and_where_not(bench, turned):
    clean, _result = await run(bench, "clean", pdf(2, turned=turned), filename="a.pdf")
    copy, _result = await run(bench, "copy", clean, kind="pdf", mark=MARK, lines=LINES, language="ja")
    assert marks_in(copy) == [MARK] and marks_in(clean) == []
    with pikepdf.open(io.BytesIO(copy)) as opened:
        assert b"Statement of accounts 2" in words_of(copy)
        for number in (1, 2):  # at the foot of the page as it is shown
            plain, marked = [Image.open(io.BytesIO((await run(bench, "page", each, kind="pdf", page=number, width=900, lines=["·"], language="ja"))[0]))
                             for each in (clean, copy)]
            foot = ImageChops.difference(plain, marked).convert("L").crop((0, plain.height - 25, plain.width, plain.height))
            assert foot.point(lambda level: 255 if level > 60 else 0).histogram()[255] > 200, (turned, number)
        del opened.Root.Metadata
        del opened.trailer["/Info"]
        squeezed = io.BytesIO()
        opened.save(squeezed, compress_streams=True, object_stream_mode=pikepdf.ObjectStreamMode.generate, recompress_flate=True)
    assert marks_in(squeezed.getvalue()) == [MARK], "whoever takes the properties off leaves it on the pages"


@pytest.mark.parametrize("kind", ["png", "jpeg"])
async def test_a_copy_of_a_picture_carries_its_mark(bench, kind):
    copy, _result = await run(bench, "copy", image(kind), kind=kind, mark=MARK, lines=LINES, language="ja")
    assert marks_in(copy) == [MARK] and Image.open(io.BytesIO(copy)).height > 400


# ---------------------------------------------------------------------------------------------------------------------
# The process at the bench


async def test_the_child_sees_no_secret_and_stays_for_the_next_job(bench, monkeypatch):
    monkeypatch.setenv("SUCCESSION_SECRET_KEY", "planted-secret-of-the-parent-process")
    await run(bench, "clean", b"text", filename="a.txt")
    (pid,) = bench.pids()
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"planted" not in environment and b"DATABASE" not in environment and b"PATH=" in environment
    with pytest.raises(RefusedContent):
        await run(bench, "clean", b"MZ", filename="a.pdf")
    assert bench.pids() == [pid]


async def test_a_child_that_takes_too_long_is_killed_and_replaced(bench, monkeypatch):
    await run(bench, "clean", b"text", filename="a.txt")
    (pid,) = bench.pids()
    monkeypatch.setattr(pool, "THINK_S", 0.0)
    with pytest.raises(Broken):
        await run(bench, "clean", pdf(), filename="a.pdf")
    assert bench.pids() == [] and not Path(f"/proc/{pid}").exists()
    monkeypatch.undo()
    assert (await run(bench, "clean", b"text", filename="a.txt"))[0] == b"text"


async def test_no_more_run_at_once_than_there_are_places(monkeypatch):
    bench, asked, go = Workbench(at_once=1), asyncio.Event(), asyncio.Event()

    async def slow(offset: int, length: int) -> bytes:
        asked.set()
        await go.wait()
        return b"text"

    async def first():
        async with bench.job("clean", {"filename": "a.txt"}, 4, slow) as job:
            return await job.finish()

    running = asyncio.create_task(first())
    await asked.wait()
    monkeypatch.setattr(pool, "WAIT_S", 0.05)
    with pytest.raises(TimeoutError):
        await run(bench, "clean", b"text", filename="a.txt")
    go.set()
    assert (await running)["kind"] == "txt"
    bench.close()
