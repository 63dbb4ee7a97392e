"""What a file of a picture holds besides the picture: left out, without touching a pixel.

Metadata says where a photo was taken and with whose camera; comments and what follows the end may hold anything, such
as a page or an archive. Only the parts that a decoder needs are kept, in their order, and the file ends where the
picture ends. PNG: W3C PNG (Third Edition) §5, §11. JPEG: ITU-T T.81 Annex B. GIF: GIF89a §18 to §26. WebP: RFC 9649 §2.

Pure: bytes in, bytes out. `Broken` where the parts do not add up.
"""

from __future__ import annotations

import struct
import zlib

_PNG_START = b"\x89PNG\r\n\x1a\n"
#: Needed to draw: size, palette, transparency, colour space, pixels, animation.
_PNG_KEPT = frozenset({
    b"IHDR", b"PLTE", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"bKGD", b"pHYs",
    b"acTL", b"fcTL", b"fdAT", b"IDAT", b"IEND",
})
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
#: Of VP8X: bits that say that EXIF and XMP follow.
_WEBP_METADATA = 0x08 | 0x04
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
#: Markers that stand alone: TEM and RST0 to RST7.
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


class Broken(ValueError):
    """The file's parts do not add up to a picture."""


def bare_png(data: bytes) -> bytes:
    """The PNG with the chunks that are needed to draw it."""
    if not data.startswith(_PNG_START):
        raise Broken
    kept, at = [_PNG_START], len(_PNG_START)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or zlib.crc32(data[at + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise Broken
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end
    raise Broken


def bare_jpeg(data: bytes) -> bytes:
    """The JPEG with its tables, frames and scans, its colour profile, and what says how its colours are meant."""
    if data[:2] != b"\xff\xd8":
        raise Broken
    kept, at = [data[:2]], 2
    while True:
        marker, at = _next_marker(data, at)
        if marker == _EOI:
            return b"".join([*kept, b"\xff\xd9"])
        if marker in _JPEG_ALONE:
            kept.append(bytes((0xFF, marker)))
            continue
        if marker == _SOI or at + 2 > len(data):
            raise Broken
        end = at + int(struct.unpack_from(">H", data, at)[0])
        if end > len(data) or end < at + 2:
            raise Broken
        if _jpeg_needs(marker, data[at + 2 : at + 16]):
            kept.append(bytes((0xFF, marker)) + data[at:end])
        if marker == _SOS:
            begin, end = end, _end_of_scan(data, end)
            kept.append(data[begin:end])
        at = end


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at this place, behind any fill bytes, and where its segment begins."""
    if at >= len(data) or data[at] != 0xFF:
        raise Broken
    while at < len(data) and data[at] == 0xFF:
        at += 1
    if at >= len(data) or data[at] == 0:
        raise Broken
    return data[at], at + 1


def _jpeg_needs(marker: int, start: bytes) -> bool:
    if marker == 0xFE:  # COM
        return False
    if not 0xE0 <= marker <= 0xEF:
        return True
    return (
        (marker == 0xE0 and start.startswith(b"JFIF\0"))
        or (marker == 0xE2 and start.startswith(b"ICC_PROFILE\0"))
        or (marker == 0xEE and start.startswith(b"Adobe"))
    )


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the entropy-coded data ends: at a marker that is neither a stuffed zero nor a restart."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise Broken
        if data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7:
            at += 2
        elif data[at + 1] == 0xFF:
            at += 1
        else:
            return at


def bare_gif(data: bytes) -> bytes:
    """The GIF with its frames, their timing and how often it repeats."""
    if data[:6] not in {b"GIF87a", b"GIF89a"} or len(data) < 14:
        raise Broken
    at = 13 + _colours(data[10])
    kept = [data[:at]]
    while at < len(data):
        if data[at] == 0x3B:
            return b"".join([*kept, b"\x3b"])
        begin, at = at, _end_of_block(data, at)
        if _gif_needs(data[begin:at]):
            kept.append(data[begin:at])
    raise Broken


def _colours(packed: int) -> int:
    """Octets of the colour table that this field announces."""
    return 3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0


def _gif_needs(block: bytes) -> bool:
    if block[0] == 0x2C:
        return True
    if block[1] == 0xF9:  # how long the next frame stays
        return len(block) == 8
    return block[1] == 0xFF and block[3:14] in _GIF_LOOPS and len(block) == 19


def _end_of_block(data: bytes, at: int) -> int:
    """Where the block that begins here ends, with all its sub-blocks."""
    if data[at] == 0x2C and at + 11 <= len(data):
        at += 10 + _colours(data[at + 9]) + 1
    elif data[at] == 0x21:
        at += 2
    else:
        raise Broken
    while at < len(data) and data[at]:
        at += data[at] + 1
    if at >= len(data):
        raise Broken
    return at + 1


def bare_webp(data: bytes) -> bytes:
    """The WebP with its pixels, transparency, animation and colour profile."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise Broken
    end = 8 + int(struct.unpack_from("<I", data, 4)[0])
    if end > len(data) + 1:
        raise Broken
    kept, at = [], 12
    while at + 8 <= min(end, len(data)):
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        if len(body) != length:
            raise Broken
        if kind == b"VP8X" and body:
            body = bytes((body[0] & ~_WEBP_METADATA & 0xFF,)) + body[1:]
        if kind in _WEBP_KEPT:
            kept.append(struct.pack("<4sI", kind, length) + body + b"\0" * (length & 1))
        at += 8 + length + (length & 1)
    if not kept:
        raise Broken
    chunks = b"".join(kept)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


BARE = {"PNG": bare_png, "JPEG": bare_jpeg, "GIF": bare_gif, "WEBP": bare_webp}
