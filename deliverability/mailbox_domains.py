"""Domains of mailbox providers: everybody has an address there, so nobody else sends as them. Data only."""

from __future__ import annotations

# fmt: off
MAILBOX_DOMAINS = frozenset(
    (
        "gmail.com", "googlemail.com", "outlook.com", "outlook.de", "outlook.fr", "outlook.es", "outlook.it",
        "hotmail.com", "hotmail.co.uk", "hotmail.fr", "hotmail.de", "hotmail.it", "hotmail.es", "live.com",
        "live.co.uk", "live.fr", "live.de", "live.nl", "msn.com", "passport.com",
        "yahoo.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.co.jp",
        "yahoo.co.in", "yahoo.com.br", "ymail.com", "rocketmail.com", "aol.com", "aim.com", "myyahoo.com",
        "icloud.com", "me.com", "mac.com", "gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de",
        "mail.ru", "bk.ru", "inbox.ru", "list.ru", "yandex.ru", "yandex.com", "ya.ru", "rambler.ru",
        "proton.me", "protonmail.com", "pm.me", "tutanota.com", "tuta.io", "tuta.com", "fastmail.com",
        "fastmail.fm", "hey.com", "zohomail.com", "mail.com", "email.com", "t-online.de", "freenet.de",
        "posteo.de", "mailbox.org", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "neuf.fr",
        "libero.it", "virgilio.it", "tiscali.it", "alice.it", "wp.pl", "o2.pl", "onet.pl", "interia.pl",
        "seznam.cz", "centrum.cz", "azet.sk", "abv.bg", "ukr.net", "i.ua", "qq.com", "163.com", "126.com",
        "sina.com", "foxmail.com", "naver.com", "daum.net", "hanmail.net", "rediffmail.com", "uol.com.br",
        "bol.com.br", "terra.com.br", "comcast.net", "verizon.net", "att.net", "sbcglobal.net",
        "bellsouth.net",
        "cox.net", "charter.net", "earthlink.net", "juno.com", "btinternet.com", "sky.com", "talktalk.net",
        "virginmedia.com", "ntlworld.com", "bigpond.com", "optusnet.com.au", "rogers.com", "shaw.ca",
        "sympatico.ca", "bluewin.ch", "telenet.be", "skynet.be", "ziggo.nl", "kpnmail.nl", "hushmail.com",
        "duck.com", "mozmail.com", "privaterelay.appleid.com",
    )
)
# fmt: on
