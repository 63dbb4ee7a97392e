"""Files of pictures, as people and as strangers make them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw

#: Degrees of latitude that a phone wrote into its photo.
SECRET = b"GPS-52.5200-N"
HTML = b"<!doctype html><script>alert(document.domain)</script>"


def drawn(width: int = 40, height: int = 30, colour: str = "#b5482a", mode: str = "RGB") -> Image.Image:
    """A picture whose left half differs from its right half, so that turning it shows."""
    made = Image.new("RGB", (width, height), colour)
    ImageDraw.Draw(made).rectangle((0, 0, width // 2, height), fill="#12345f")
    return made.convert(mode)


def saved(picture: Image.Image, kind: str, **more: Any) -> bytes:
    """The picture as a file."""
    target = io.BytesIO()
    picture.save(target, kind, **more)
    return target.getvalue()


def png(width: int = 40, height: int = 30, colour: str = "#b5482a") -> bytes:
    """A plain PNG."""
    return saved(drawn(width, height, colour), "PNG")


def noisy_jpeg(width: int, height: int) -> bytes:
    """A JPEG that hardly packs, as of leaves or gravel."""
    return saved(Image.effect_noise((width, height), 90).convert("RGB"), "JPEG", quality=95)


def animated_gif(frames: int = 3, width: int = 40, height: int = 30) -> bytes:
    """A GIF that moves, for ever, with a comment in it."""
    made = [drawn(width, height, f"#{number * 20 + 10:02x}5050") for number in range(frames)]
    return saved(made[0], "GIF", save_all=True, append_images=made[1:], duration=80, loop=0, comment=HTML)


def photo(orientation: int = 1, mode: str = "RGB") -> bytes:
    """A JPEG with what phones and programs write into one."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x9286] = orientation, SECRET.decode(), SECRET.decode()
    plain = saved(drawn(mode=mode), "JPEG", quality=92, exif=exif, comment=SECRET)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x>" + SECRET + b"</x>"
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + plain[2:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG with its sum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_size(width: int, height: int) -> bytes:
    """A few octets that announce a picture of this size."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + head + body + png_chunk(b"IEND", b"")


def opened(data: bytes) -> Image.Image:
    """The picture in a file, decoded."""
    made = Image.open(io.BytesIO(data))
    made.load()
    return made
