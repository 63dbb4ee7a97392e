"""Messages that are hard to carry unharmed, written by us: each by name, with CRLF line ends, from acme.example."""

from __future__ import annotations

import base64

TOP = b"From: Ann <ann@acme.example>\r\nTo: bob@x.example\r\n"
FULL = TOP + b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <given@acme.example>\r\n"
MIME = b"MIME-Version: 1.0\r\n"


def _nested(depth: int) -> bytes:
    body = b"Content-Type: text/plain\r\n\r\ninnermost\r\n"
    for level in range(depth):
        edge = b"=_%d" % level
        head = b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n' % edge
        body = head + b"--%s\r\n%s\r\n--%s--\r\n" % (edge, body, edge)
    return body


def _parts(count: int) -> bytes:
    parts = b"".join(b"--b\r\nContent-Type: text/plain\r\nX-N: %d\r\n\r\n%d\r\n" % (n, n) for n in range(count))
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n" + parts + b"--b--\r\nepilogue\r\n"


_SIGNED = (
    b'Content-Type: multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature";\r\n'
    b' boundary="sig"\r\n\r\n'
    b"This is an OpenPGP/MIME signed message\r\n--sig\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"Trailing space \r\n-- \r\nhttps://shop.example/a\r\n\r\n--sig\r\nContent-Type: application/pgp-signature\r\n\r\n"
    b"-----BEGIN PGP SIGNATURE-----\r\n\r\niQEz\r\n-----END PGP SIGNATURE-----\r\n--sig--\r\n"
)

#: RFC 5322 §4.5 lets old mail have it; dkimpy does not read it.
NOT_FOR_DKIMPY = frozenset({"a space before the colon"})

SAMPLES: dict[str, bytes] = {
    "plain": FULL + b"Subject: Hi\r\n\r\nHello\r\n",
    "no date, no message-id, no subject": TOP + b"\r\nHello\r\n",
    "empty subject": FULL + b"Subject:\r\n\r\nHello\r\n",
    "no body": FULL + b"Subject: Hi\r\n\r\n",
    "only empty lines": FULL + b"Subject: Hi\r\n\r\n\r\n\r\n\r\n",
    "empty lines at the end": FULL + b"Subject: Hi\r\n\r\nHello\r\n\r\n\r\n\r\n",
    "dots": FULL + b"Subject: Hi\r\n\r\n.\r\n..\r\n...\r\n.a\r\n. \r\nend.\r\n.\r\n",
    "spaces and tabs": FULL + b"Subject: Hi\r\n\r\n trailing \t \r\n\t\r\n  \r\na  b\t\tc\r\n",
    "lines of 998": FULL + b"Subject: Hi\r\n\r\n" + b"x" * 998 + b"\r\n" + b"." * 998 + b"\r\n",
    "8-bit text": FULL + MIME + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    b"Subject: Hi\r\n\r\nGr\xc3\xbc\xc3\x9fe, \xe2\x82\xac 5, \xf0\x9f\x93\xac\r\n",
    "latin-1 nobody declared": FULL + b"Subject: Hi\r\n\r\nGr\xfc\xdfe \x80\xff\x01\x7f\r\n",
    "utf-8 in the header": FULL + b"Subject: Gr\xc3\xbc\xc3\x9fe\r\nX-Stra\x73se: \xc3\x9f\r\n\r\nHello\r\n",
    "encoded words": FULL + b"Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n =?utf-8?q?_und_mehr?=\r\n =?broken?=\r\n"
    b"\r\nHello\r\n",
    "odd folding": FULL + b"Subject: a\r\n\tb\r\n  c\r\nX-Long: " + b"y" * 900 + b"\r\nX-Tabs:\t\tz\t\r\nx-lOWER:a\r\n"
    b"\r\nHello\r\n",
    "a space before the colon": FULL + b"Subject: Hi\r\nX-Old :a\r\n\r\nHello\r\n",
    "empty fields": FULL + b"Subject: Hi\r\nX-Empty:\r\nX-Spaces:   \r\nComments: \r\n\r\nHello\r\n",
    "one field often": b"Received: from a by b; Tue, 24 Nov 2026 09:00:00 +0000\r\n"
    b"Received: from c by d;\r\n Tue, 24 Nov 2026 08:00:00 +0000\r\n" + FULL
    + b"Keywords: a\r\nSubject: Hi\r\nKeywords: b\r\nComments: 1\r\nComments: 2\r\nResent-To: z@x.example\r\n"
    b"\r\nHi\r\n",
    "hidden recipients": FULL + b"Bcc: secret@x.example,\r\n other@x.example\r\nSubject: Hi\r\nX-RelayHub-Tag: a\r\n"
    b"BCC: third@x.example\r\n\r\nBcc: not a field\r\n",
    "long references": FULL + b"Subject: Hi\r\nReferences: " + b"\r\n ".join(b"<r%d@x.example>" % n for n in range(60))
    + b"\r\n\r\nHello\r\n",
    "quoted-printable": FULL + MIME + b"Subject: Hi\r\nContent-Type: text/plain\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nsoft=\r\nbreak =3D =20\r\n=2E\r\nbroken =ZZ =\r\n",
    "base64": FULL + MIME + b"Subject: Hi\r\nContent-Type: application/octet-stream; name*=utf-8''a%20b\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(bytes(range(256)) * 40).replace(b"\n", b"\r\n"),
    "flowed": FULL + MIME + b"Subject: Hi\r\nContent-Type: text/plain; format=flowed; delsp=yes\r\n\r\n"
    b"> quoted \r\n>> more \r\n flowed \r\nFrom here on\r\n From there\r\n",
    "nested 15 deep": FULL + MIME + b"Subject: Hi\r\n" + _nested(15),
    "900 parts": FULL + MIME + b"Subject: Hi\r\n" + _parts(900),
    "boundary never closed": FULL + MIME + b'Subject: Hi\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n'
    b"--x\r\n\r\nHello\r\n",
    "boundary that is no boundary": FULL + MIME + b"Subject: Hi\r\nContent-Type: multipart/mixed\r\n\r\n"
    b"--x\r\nHello\r\n",
    "a message in a message": FULL + MIME + b"Subject: Hi\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@y.example\r\n"
    b"Date: yesterday\r\nMessage-ID: <inner@y.example>\r\nBcc: kept@y.example\r\nSubject: inner\r\n\r\n.\r\ninner\r\n",
    "signed with pgp": FULL + MIME + b"Subject: Hi\r\n" + _SIGNED,
    "signed with s/mime": FULL + MIME + b"Subject: Hi\r\n"
    b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nMIAGCSqGSIb3DQEHAqCAMIACAQExDzANBglghkgBZQMEAgEFADCABgkqhkiG\r\n",
    "signed by another": b"DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=x; h=from; bh=AAAA; b=BBBB\r\n" + FULL
    + b"Subject: Hi\r\n\r\nHello\r\n",
    "uuencoded": FULL + b"Subject: Hi\r\n\r\nbegin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n",
    "html with links": FULL + MIME + b"Subject: Hi\r\nContent-Type: text/html\r\n\r\n"
    b'<a href="https://shop.example/?a=1&amp;b=2">x</a><img src=cid:1>\r\n</body></html>\r\n',
    "a comment and quotes in From": b'From: "Ann \\"the\\" B." (Sales) <ann@acme.example>\r\nTo: bob@x.example\r\n'
    b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <given@acme.example>\r\nSubject: Hi\r\n\r\nHello\r\n",
    "own unsubscribe fields": FULL + b"Subject: Hi\r\nList-Unsubscribe: <https://acme.example/u>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFeedback-ID: a:b:c:acme\r\n\r\nHello\r\n",
}
