"""Mail read as a tree, however it is broken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol.mime_tree import MAX_DEPTH, MAX_PARTS, read, read_fields
from tests.support.corpora import shared_corpus


def test_parts_encodings_and_charsets():
    mail = read(
        b'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/mixed;\r\n boundary="x y"\r\n\r\nprologue\r\n'
        b"--x y\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"Gr=FC=DFe\r\n--x y\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        b"R3LDvMOfZQ==\r\n--x y--\r\nepilogue"
    )

    assert mail.first("subject") == "Grüße"
    assert [part.text.strip() for part in mail.children] == ["Grüße", "Grüße"]


@pytest.mark.parametrize("subject", ["a\0b", "=?utf-8?q?a=0D=0AB:_c?=", "=?utf-8?q?=00?="])
def test_what_an_encoded_word_smuggles_in_stays_encoded(subject):
    found = read(f"Subject: {subject}\n\n".encode()).first("subject")

    assert not set("\r\n\0") & set(found)


def test_a_message_within_a_message():
    mail = read(b"Content-Type: message/rfc822\n\nSubject: inner\n\nbody")

    assert [part.first("subject") for part in mail.walk()] == ["", "inner"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n\n",
        b"no header at all",
        b"From someone Mon Mar  2\nSubject: mbox\n\nbody",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nunclosed",
        b"Content-Type: text/plain; charset=nonsense\n\n\xff\xfe",
        b"Content-Type: text/plain; charset=base64\n\nxx",
        b"Content-Transfer-Encoding: base64\n\n!!!not base64!!!",
    ],
)
def test_broken_mail_is_read_as_far_as_it_goes(raw):
    assert isinstance(read(raw).text, str)


def test_depth_and_count_are_bounded():
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(100))
    wide = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1000

    assert len(list(read(deep).walk())) <= MAX_DEPTH + 1
    assert len(list(read(wide).walk())) <= MAX_PARTS + 1


def test_fields_are_unfolded_and_odd_lines_left_out():
    assert read_fields("A: b\n c\nnot a field\nX-Y:z\n") == [("a", "b c"), ("x-y", "z")]


@given(st.binary(max_size=1000))
def test_any_bytes_are_read(raw):
    for part in read(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + raw).walk():
        assert isinstance(part.text, str)


def test_the_shared_mime_corpus_is_read():
    files = [path for path in shared_corpus("mime").rglob("*") if path.is_file() and path.suffix != ".json"]

    assert files
    for path in files:
        assert all(isinstance(part.text, str) for part in read(path.read_bytes()).walk())


def test_naughty_strings_are_read():
    strings = json.loads((shared_corpus("strings") / "blns.json").read_text("utf-8"))

    for text in strings:
        read(f"Subject: {text}\n\n{text}".encode("utf-8", "surrogatepass"))
