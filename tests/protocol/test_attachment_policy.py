"""Attachments by policy: every spelling of a name is read, and text that only looks like one is not."""

from __future__ import annotations

import base64

import pytest

from relayhub.protocol.attachment_policy import DANGEROUS, AttachmentPolicy, endings, problem

POLICY = AttachmentPolicy(refused=frozenset(DANGEROUS))


def mail(*fields: str, body: str = "eA==") -> bytes:
    head = "From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    return (head + "\r\n".join(fields) + f"\r\n\r\n{body}\r\n--b--\r\n").encode()


@pytest.mark.parametrize(
    "field",
    [
        'Content-Disposition: attachment; filename="setup.exe"',
        "Content-Disposition: attachment; filename=setup.EXE",
        "content-disposition:attachment;\r\n\tfilename=setup.exe",
        'Content-Disposition: attachment; filename="setup.exe. "',
        'Content-Disposition: attachment; filename="a \\"b\\".exe"',
        "Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9%2Eexe",
        'Content-Disposition: attachment; filename*0="very-long-name";\r\n filename*1=".exe"',
        "Content-Disposition: attachment; filename*0*=utf-8'en'long%20;\r\n filename*1=name.exe",
        'Content-Disposition: attachment; filename="=?utf-8?b?c2V0dXAuZXhl?="',
        'Content-Type: application/octet-stream; name="invoice.pdf.exe"',
        "Content-Type: application/octet-stream;\r\n name=run.js",
    ],
)
def test_a_dangerous_type_is_told_however_it_is_spelt(field: str) -> None:
    assert "are not taken here" in str(problem(mail(field), POLICY))


@pytest.mark.parametrize(
    "field",
    [
        'Content-Disposition: attachment; filename="report.pdf"',
        'Content-Disposition: attachment; filename="exe"',
        'Content-Disposition: attachment; filename="setup.exe.txt"',
        'Content-Type: text/plain; charset="utf-8"',
        "Content-Disposition: inline",
        "X-Note: filename=setup.exe",
    ],
)
def test_other_files_are_taken(field: str) -> None:
    assert problem(mail(field), POLICY) is None


def test_words_in_a_text_are_no_attachment() -> None:
    assert problem(mail("Content-Type: text/plain", body='Open filename="setup.exe" twice.'), POLICY) is None


def test_a_large_file_is_told_and_a_small_one_is_not() -> None:
    policy = AttachmentPolicy(max_bytes=2 * 1024 * 1024)
    field = 'Content-Disposition: attachment; filename="a.pdf"'

    def of(mib: int) -> bytes:
        return mail(field, body=base64.encodebytes(b"x" * (mib * 1024 * 1024)).decode().replace("\n", "\r\n"))

    assert problem(of(3), policy) == "Attachments larger than 2 MiB are not taken here"
    assert problem(of(1), policy) is None


def test_without_a_policy_everything_is_taken() -> None:
    assert problem(mail('Content-Disposition: attachment; filename="setup.exe"'), AttachmentPolicy()) is None


def test_endings_are_read_in_any_spelling() -> None:
    assert endings(" .exe, *.BAT;js\n exe ") == ("bat", "exe", "js")
    with pytest.raises(ValueError, match="a/b"):
        endings("exe a/b")


@pytest.mark.parametrize("filler", [b";", b"name=", b"\n ", b"content-type:", b'name="\\', b"content-type:x;name=\n "])
def test_hostile_fields_end_in_time(filler: bytes) -> None:
    problem(b"Content-Type: x; name=" + filler * 200_000, POLICY)
