"""What is left of a picture? Its pixels, upright, in sRGB: no EXIF, place, comment, thumbnail, profile or bytes after the end."""

from __future__ import annotations

import io
import re
import warnings

from PIL import Image, ImageCms, ImageOps

from succession.workbench.filetypes import RefusedFile
from succession.workbench.wire import Sink

PIXELS_MOST = 40_000_000
_EXIF_ORIENTATION = 0x0112
_END, _SCAN, _COMMENT, _COLOURS = 0xD9, 0xDA, 0xFE, 0xEE  # segments of a JPEG; the last one says how its colours are meant
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def opened(source: io.BufferedReader, kind: str) -> Image.Image:
    """A picture that can be drawn whole. Raises RefusedFile."""
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = PIXELS_MOST
    try:
        picture = Image.open(source, formats=[kind.upper()])
        if picture.width * picture.height > PIXELS_MOST:
            raise RefusedFile("too_much_inside")
        picture.load()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise RefusedFile("too_much_inside") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError):
        raise RefusedFile("not_readable") from None
    return picture


def clean_image(source: io.BufferedReader, sink: Sink, kind: str) -> None:
    picture = opened(source, kind)
    profile, turned = picture.info.get("icc_profile"), picture.getexif().get(_EXIF_ORIENTATION, 1) != 1
    kept = ImageOps.exif_transpose(picture) if turned else picture
    if profile:
        kept = _in_srgb(kept, profile)
    if kind == "png":
        bare = kept if kept.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else kept.convert("RGBA")
        transparency = {"transparency": kept.info["transparency"]} if bare.mode == "P" and "transparency" in kept.info else {}
        bare.info = {}
        bare.save(sink, "PNG", **transparency)
    else:
        if kept is picture:
            _copy_bare(source, sink)
            return
        kept = kept if kept.mode in ("L", "RGB", "CMYK") else kept.convert("RGB")
        kept.save(sink, "JPEG", exif=b"", icc_profile=None, comment=b"", quality=95)


def _copy_bare(source: io.BufferedReader, sink: Sink) -> None:
    """A JPEG that stays as it is, pixel for pixel, without any segment that holds words and with nothing after its end."""
    source.seek(0)
    content = source.read()
    at = 2
    sink.write(b"\xff\xd8")
    while at < len(content):
        if content[at] != 0xFF:
            raise RefusedFile("not_readable")
        marker = content[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == _END:
            sink.write(b"\xff\xd9")
            return
        length = 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        end = at + length
        if marker == _SCAN:
            found = _AFTER_SCAN.search(content, end)
            end = found.start() if found else len(content)
        if marker == _COLOURS or not (0xE0 <= marker <= 0xEF or marker == _COMMENT):
            sink.write(content[at:end])
        at = end
    raise RefusedFile("not_readable")


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """The same colours without the profile, whose words may name who made it."""
    try:
        target = "RGBA" if picture.mode in ("RGBA", "LA", "P") else "RGB"
        base = picture.convert(target) if picture.mode in ("P", "LA") else picture
        alpha = base.getchannel("A") if base.mode == "RGBA" else None
        seen = ImageCms.profileToProfile(base.convert("RGB") if base.mode == "RGBA" else base, io.BytesIO(profile),
                                         ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture.convert("RGB") if picture.mode not in ("L", "RGB", "RGBA", "1", "P", "LA") else picture.copy()
    if alpha is not None:
        seen.putalpha(alpha)
    return seen
