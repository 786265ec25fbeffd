"""Documents to upload in tests: small, real, and full of what has to be taken off."""

from __future__ import annotations

import io
import os
import zipfile

import pikepdf
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

SECRET = "Kakuu Secret Author"
_TYPES = ('<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
          '<Default Extension="xml" ContentType="application/xml"/></Types>')
_MAIN = {"xlsx": "xl/workbook.xml", "docx": "word/document.xml", "pptx": "ppt/presentation.xml"}


def pdf(pages: int = 2, *, blob_bytes: int = 0, text: str = "Statement of accounts", turned: int = 0, active: bool = True) -> bytes:
    """`blob_bytes`: of incompressible ballast on every page; `active`: with a script, an attached file and an author."""
    made = pikepdf.new()
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    for number in range(1, pages + 1):
        page = made.add_blank_page(page_size=(595, 842))
        page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.obj.Contents = made.make_stream(f"BT /F1 24 Tf 72 700 Td ({text} {number}) Tj ET".encode())
        if turned:
            page.obj.Rotate = turned
        if blob_bytes:
            page.obj.Resources.XObject = pikepdf.Dictionary(B=made.make_stream(
                os.urandom(blob_bytes), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=1, Height=1,
                ColorSpace=pikepdf.Name.DeviceGray, BitsPerComponent=8))
    if active:
        made.docinfo["/Author"] = SECRET
        made.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String(SECRET))
        made.pages[0].obj.AA = pikepdf.Dictionary(O=pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String(SECRET)))
        made.attachments["secret.txt"] = SECRET.encode()
        with made.open_metadata() as said:
            said["dc:creator"] = [SECRET]
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def image(kind: str = "png", size: tuple[int, int] = (600, 400), colour: str = "white") -> bytes:
    """A picture with a secret in every place that holds words, and one after its end."""
    picture = Image.new("RGB", size, colour)
    ImageDraw.Draw(picture).rectangle((20, 20, 120, 80), fill="navy")
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = SECRET
    if kind == "png":
        said = PngInfo()
        said.add_text("Author", SECRET)
        picture.save(out, "PNG", pnginfo=said, exif=exif)
    else:
        picture.save(out, "JPEG", exif=exif, comment=SECRET.encode())
    return out.getvalue() + SECRET.encode()


def office(kind: str = "xlsx", **parts: bytes) -> bytes:
    """An archive with the parts its kind needs; more by name, "/" written as "__" and "." as "_dot_"."""
    core = f'<?xml version="1.0"?><a xmlns="x"><b>{SECRET}</b></a>'
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"[Content_Types].xml": _TYPES, _MAIN[kind]: "<x/>", "docProps/core.xml": core, "docProps/app.xml": core,
                              **{name.replace("__", "/").replace("_dot_", "."): part for name, part in parts.items()}}.items():
            archive.writestr(name, content)
    return made.getvalue()
