"""Pictures of strangers: what is taken, what is left out of it, and what is refused with which words."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image, ImageCms

from relayhub.core import picture_reading
from relayhub.core.errors import InputError
from relayhub.core.picture_reading import read_picture
from tests.support.picture_files import (
    HTML,
    SECRET,
    animated_gif,
    drawn,
    noisy_jpeg,
    opened,
    photo,
    png,
    png_chunk,
    png_of_size,
    saved,
)


@pytest.mark.parametrize(("kind", "data"), [
    ("PNG", png()), ("JPEG", saved(drawn(), "JPEG")), ("GIF", saved(drawn(), "GIF")), ("WEBP", saved(drawn(), "WEBP")),
    ("JPEG", saved(drawn(), "JPEG", progressive=True)), ("PNG", saved(drawn(mode="P"), "PNG")),
    ("PNG", saved(drawn(mode="1"), "PNG")), ("JPEG", saved(drawn(mode="L"), "JPEG")),
    ("WEBP", saved(drawn(mode="RGBA"), "WEBP", lossless=True)),
], ids=range(9))
def test_a_plain_picture_keeps_its_pixels(kind: str, data: bytes) -> None:
    read = read_picture(data)

    assert (read.format, read.width, read.height, read.is_animated) == (kind, 40, 30, False)
    assert opened(read.data).convert("RGBA").tobytes() == opened(data).convert("RGBA").tobytes()


def test_a_photo_says_nothing_of_where_it_was_taken_and_keeps_its_pixels() -> None:
    given = photo()
    assert given.count(SECRET) >= 3

    read = read_picture(given)

    assert SECRET not in read.data
    assert not opened(read.data).getexif()
    assert opened(read.data).tobytes() == opened(given).tobytes()


def test_a_photo_that_lies_on_its_side_is_turned() -> None:
    read = read_picture(photo(orientation=6))

    shown = opened(read.data).convert("RGB")
    assert (read.width, read.height) == shown.size == (30, 40)
    assert SECRET not in read.data
    # What was the left half is above.
    assert shown.getpixel((15, 5))[2] > 80 > shown.getpixel((15, 35))[2]


def test_a_cmyk_jpeg_becomes_one_that_mail_programs_show() -> None:
    read = read_picture(photo(mode="CMYK"))

    shown = opened(read.data)
    assert (read.format, shown.mode) == ("JPEG", "RGB")
    assert shown.getpixel((35, 15))[0] > 150 > shown.getpixel((5, 15))[0]


def test_a_profile_of_colours_stays_and_is_no_metadata() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    for kind in ("PNG", "JPEG", "WEBP"):
        assert opened(read_picture(saved(drawn(), kind, icc_profile=profile)).data).info["icc_profile"] == profile


def test_an_animation_keeps_its_frames_its_pace_and_loses_its_comment() -> None:
    given = animated_gif()
    assert HTML in given

    read = read_picture(given)

    with Image.open(io.BytesIO(read.data)) as shown:
        assert (read.is_animated, shown.n_frames, shown.info["duration"], shown.info["loop"]) == (True, 3, 80, 0)
    assert HTML not in read.data


def test_an_animated_webp_keeps_its_frames_and_loses_its_metadata() -> None:
    frames = [drawn(colour=colour) for colour in ("red", "green", "blue")]
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    given = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], exif=exif, duration=90)
    assert SECRET in given

    read = read_picture(given)

    assert SECRET not in read.data
    with Image.open(io.BytesIO(read.data)) as shown:
        assert (read.is_animated, shown.n_frames) == (True, 3)


def test_nothing_that_hides_in_a_picture_is_published() -> None:
    """Polyglots: files that are a picture and a page or an archive as well."""
    whole = png()
    hidden = png_chunk(b"tEXt", b"Comment\0" + HTML) + png_chunk(b"aaAa", HTML)
    in_png = whole[:33] + hidden + whole[33:] + HTML
    jpeg = saved(drawn(), "JPEG")
    in_jpeg = jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(HTML) + 2) + HTML + jpeg[2:] + b"PK\x03\x04" + HTML
    webp = saved(drawn(), "WEBP")
    in_webp = webp + b"junk" + struct.pack("<I", len(HTML)) + HTML
    in_webp = in_webp[:4] + struct.pack("<I", len(in_webp) - 8) + in_webp[8:]

    for given in (in_png, in_jpeg, in_webp, animated_gif() + HTML):
        assert HTML in given
        read = read_picture(given)
        assert HTML not in read.data
        assert b"PK\x03\x04" not in read.data


REFUSED = {
    "nothing": (b"", "picture_empty", "empty"),
    "a page": (HTML, "no_picture", "not a picture, whatever its name says"),
    "a page behind the start of a GIF": (b"GIF89a" + HTML, "no_picture", "damaged"),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "no_picture", "Gmail and Outlook do not show"),
    "SVG with a script": (b"  <svg onload='alert(1)'></svg>", "no_picture", "SVG"),
    "HEIC": (b"\0\0\0\x18ftypheic" + b"\0" * 40, "no_picture", "HEIC"),
    "AVIF": (b"\0\0\0\x18ftypavif" + b"\0" * 40, "no_picture", "AVIF"),
    "BMP": (saved(drawn(), "BMP"), "no_picture", "PNG or JPEG"),
    "TIFF": (saved(drawn(), "TIFF"), "no_picture", "PNG or JPEG"),
    "PDF": (b"%PDF-1.7", "no_picture", "PNG or JPEG"),
    "900 megapixels in a few octets": (png_of_size(30_000, 30_000), "picture_too_large", "megapixels"),
    "64 megapixels in a few octets": (png_of_size(8_000, 8_000), "picture_too_large", "megapixels"),
    "fewer pixels than announced": (png_of_size(100, 2000), "no_picture", "damaged"),
    "11 MB": (b"\0" * (picture_reading.MAX_BYTES + 1), "picture_too_large", "larger than 10 MB"),
}


@pytest.mark.parametrize(("data", "code", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_picture_is_refused_with_words(data: bytes, code: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        read_picture(data)

    assert refused.value.code == code
    assert words in refused.value.message


@pytest.mark.parametrize("whole", [
    png(200, 200), noisy_jpeg(200, 200), animated_gif(4, 200, 200), saved(drawn(200, 200), "WEBP", quality=90),
], ids=["PNG", "JPEG", "GIF", "WebP"])
def test_what_was_cut_short_is_refused_wherever_it_was_cut(whole: bytes) -> None:
    for part in (0.1, 0.5, 0.9, 0.99):
        with pytest.raises(InputError, match=r"damaged|not a picture"):
            read_picture(whole[: int(len(whole) * part)])


def test_an_animation_without_end_is_refused_before_it_is_decoded_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_reading, "MAX_FRAMES", 5)
    with pytest.raises(InputError, match="too many or too large frames"):
        read_picture(animated_gif(6))
    assert read_picture(animated_gif(5)).is_animated

    monkeypatch.setattr(picture_reading, "MAX_ANIMATED_PIXELS", 40 * 30 * 4)
    with pytest.raises(InputError, match="too many or too large frames"):
        read_picture(animated_gif(5))


def test_any_octet_may_be_wrong_and_nothing_falls_over() -> None:
    """Each octet of small files flipped: taken or refused, never an error of ours."""
    for whole in (png(8, 8), saved(drawn(8, 8), "JPEG"), animated_gif(2, 8, 8), saved(drawn(8, 8), "WEBP")):
        for place in range(0, len(whole), max(1, len(whole) // 120)):
            broken = bytearray(whole)
            broken[place] ^= 0xFF
            try:
                read_picture(bytes(broken))
            except InputError:
                continue


def test_a_smaller_picture_has_the_same_shape_and_kind() -> None:
    jpeg = read_picture(noisy_jpeg(1600, 800))

    small = picture_reading.scaled(jpeg.data, width=400, kind="JPEG").data

    assert (opened(small).format, opened(small).size) == ("JPEG", (400, 200))
    with pytest.raises(InputError, match="nothing to make smaller"):
        picture_reading.scaled(jpeg.data, width=1600, kind="JPEG")
    see_through = saved(Image.new("RGBA", (90, 90), (255, 0, 0, 0)), "PNG")
    assert opened(picture_reading.scaled(see_through, width=30, kind="PNG").data).getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_thumbnail_is_small_whatever_the_picture(kind: str) -> None:
    small = opened(picture_reading.thumbnail(saved(drawn(900, 300), kind), kind=kind, edge=360))

    assert (small.format, small.size) == ("WEBP", (360, 120))


def test_a_grey_of_sixteen_bits_is_not_shown_white() -> None:
    grey = Image.new("I;16", (40, 40), 0x4000)

    small = opened(picture_reading.thumbnail(saved(grey, "PNG"), kind="PNG", edge=20))

    assert 50 < small.convert("L").getpixel((5, 5)) < 80
