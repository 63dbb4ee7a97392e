"""Read a picture that a stranger may have made: what it is, whether it is whole, and its bytes to be published.

Judged by content, never by name or by what the sender says of it. Every frame is decoded once, within limits, before
anything is kept. What comes out has no metadata; a photo that lies on its side is turned, and CMYK, which mail
programs show in wrong colours or not at all, becomes sRGB. All else keeps its pixels octet by octet.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps

from relayhub.core.errors import InputError
from relayhub.core.formats import number
from relayhub.core.picture_bytes import BARE

MAX_BYTES = 10 * 1024 * 1024
#: One frame: what today's phones make.
MAX_PIXELS = 40_000_000
#: All frames of an animation together.
MAX_ANIMATED_PIXELS = 150_000_000
MAX_FRAMES = 500
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_JPEG_QUALITY = 88
_ORIENTATION = 0x0112
#: What decoders raise at files that do not hold what they announce.
_FAULTS = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, MemoryError,
    RuntimeError, struct.error, zlib.error,
)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that may be published."""

    #: PNG, JPEG, GIF or WEBP.
    format: str
    data: bytes
    width: int
    height: int
    is_animated: bool = False


def read_picture(data: bytes, *, field: str = "file") -> Picture:
    """The picture in these bytes; InputError, in words for the person who chose it, where it cannot be taken.

    Costs a whole decoding: up to a second or two and 160 MB for the largest that is taken.
    """
    if not data:
        raise InputError(
            _("This file is empty. Choose a PNG, JPEG, GIF or WebP file."), field=field, code="picture_empty"
        )
    if len(data) > MAX_BYTES:
        raise InputError(
            _("This file is larger than %(size)s MB. Save the picture smaller: mails are about 600 pixels wide, and"
              " people open them on phones.") % {"size": MAX_BYTES // 1024**2}, field=field, code="picture_too_large",
        )
    try:
        return _read(data, field)
    except _BOMBS as exc:
        raise _too_large(field) from exc
    except _FAULTS as exc:
        raise InputError(_refusal(data), field=field, code="no_picture", detail=str(exc)[:200]) from exc


def _read(data: bytes, field: str) -> Picture:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        # What phones write with a second picture in it is a JPEG with more behind its end.
        kind = "JPEG" if opened.format == "MPO" else str(opened.format)
        if opened.width * opened.height > MAX_PIXELS:
            raise _too_large(field)
        frames = _decoded_frames(opened, field) if kind != "JPEG" else 1
        opened.load()
        bare = _redrawn(opened, kind) if frames == 1 and _must_be_drawn(opened) else BARE[kind](data)
    with Image.open(io.BytesIO(bare), formats=(kind,)) as kept:
        kept.load()
        return Picture(format=kind, data=bare, width=kept.width, height=kept.height, is_animated=frames > 1)


def _too_large(field: str) -> InputError:
    return InputError(
        _("This picture has more than %(size)s megapixels. Save it smaller: 1,200 pixels wide is enough for any mail.")
        % {"size": MAX_PIXELS // 1_000_000}, field=field, code="picture_too_large",
    )


def _decoded_frames(opened: Image.Image, field: str) -> int:
    """Decode every frame; how many there are. InputError as soon as they are too many or too large together."""
    count, pixels = 0, opened.width * opened.height
    while True:
        try:
            opened.seek(count)
        except EOFError:
            break
        opened.load()
        count += 1
        if count > MAX_FRAMES or (count > 1 and count * pixels > MAX_ANIMATED_PIXELS):
            raise InputError(
                _("This animation has too many or too large frames. Make it shorter or smaller: up to %(count)s frames,"
                  " and 600 pixels wide.") % {"count": MAX_FRAMES}, field=field, code="picture_too_large",
            )
    if count > 1:
        opened.seek(0)
    return count


def _must_be_drawn(opened: Image.Image) -> bool:
    return opened.mode == "CMYK" or opened.getexif().get(_ORIENTATION, 1) not in {0, 1}


def _redrawn(opened: Image.Image, kind: str) -> bytes:
    """Upright and in sRGB, drawn anew."""
    upright = ImageOps.exif_transpose(opened)
    return encoded(in_srgb(upright, opened.info.get("icc_profile")), kind)


def in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The same colours in sRGB; as the numbers stand where the profile cannot be used."""
    wanted = "RGBA" if "A" in picture.getbands() or "transparency" in picture.info else "RGB"
    if picture.mode in {"I", "I;16", "I;16B"}:  # 16 bits of grey; `convert` would cut off instead of dividing
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if profile and picture.mode in {"RGB", "CMYK"}:
        try:
            made = ImageCms.profileToProfile(
                picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            made = None
        if made is not None:
            return made
    return picture.convert(wanted)


def encoded(picture: Image.Image, kind: str) -> bytes:
    """A picture as a file of this format without any metadata."""
    target = io.BytesIO()
    bare = picture.copy()
    bare.info = {}
    if kind == "JPEG":
        bare.convert("RGB").save(target, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True)
    elif kind == "WEBP":
        bare.save(target, "WEBP", quality=_JPEG_QUALITY, method=4)
    else:
        bare.save(target, "PNG", optimize=True)
    return target.getvalue()


def scaled(data: bytes, *, width: int, kind: str) -> Picture:
    """A still picture of ours at this width; GIF becomes PNG. InputError where it is not wider than that."""
    with Image.open(io.BytesIO(data), formats=(kind,)) as opened:
        if opened.width <= width:
            words = _("The picture is %(width)s pixels wide: there is nothing to make smaller.")
            raise InputError(words % {"width": number(opened.width)}, field="width", code="picture_small")
        height = max(1, round(opened.height * width / opened.width))
        drawn = in_srgb(opened, opened.info.get("icc_profile"))
    made = "PNG" if kind == "GIF" else kind
    small = encoded(drawn.resize((width, height), Image.Resampling.LANCZOS), made)
    return Picture(format=made, data=small, width=width, height=height)


def thumbnail(data: bytes, *, kind: str, edge: int) -> bytes:
    """A small WebP of the first frame, for lists in the dashboard."""
    target = io.BytesIO()
    _fitted(data, kind, (edge, edge)).save(target, "WEBP", quality=78, method=4)
    return target.getvalue()


def fitted(data: bytes, *, kind: str, box: tuple[int, int]) -> bytes:
    """A PNG of the first frame that fits in a box of so many pixels; never larger than it was."""
    return encoded(_fitted(data, kind, box), "PNG")


def _fitted(data: bytes, kind: str, box: tuple[int, int]) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=(kind,)) as opened:
        opened.draft("RGB", (box[0] * 2, box[1] * 2))
        small = in_srgb(opened, opened.info.get("icc_profile"))
    small.thumbnail(box, Image.Resampling.LANCZOS)
    return small


def _refusal(data: bytes) -> str:
    """What the file seems to be instead, and what to do."""
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in start):
        return _("This is an SVG, which Gmail and Outlook do not show. Save it as a PNG, twice as wide as it is to be"
                 " seen.")
    if data[4:8] == b"ftyp" and data[8:12] in {b"heic", b"heix", b"mif1", b"heif", b"hevc"}:
        return _("This is a HEIC photo, which mail programs do not show. Save it as a JPEG.")
    if data[4:12] in {b"ftypavif", b"ftypavis"}:
        return _("This is an AVIF, which Outlook and older phones do not show. Save it as a JPEG or PNG.")
    if data.startswith((b"II*\0", b"MM\0*", b"BM", b"%PDF")):
        return _("Mail programs do not show files of this kind. Save the picture as a PNG or JPEG.")
    if data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return _("This picture is damaged or was cut short. Open it in a picture program and save it anew.")
    return _("This is not a picture, whatever its name says. Choose a PNG, JPEG, GIF or WebP file.")

