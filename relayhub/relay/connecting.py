"""How programs reach this installation, and examples to paste that carry the workspace's own values.

Pure but for reading settings and the workspace's domains. Nothing here holds a secret: examples read it from the
environment.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from deliverability.models import DomainStatus, SendingDomain
from relayhub.core.models import Workspace

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_FALLBACK_DOMAIN = "example.com"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where to connect."""

    api_url: str
    host: str
    starttls_port: int
    tls_port: int
    #: Whether the certificate was configured; else it is signed by itself.
    has_certificate: bool


@dataclass(frozen=True, kw_only=True)
class Example:
    """One thing to paste."""

    key: str
    label: str
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Letter:
    """The mail that the examples send."""

    sender: str
    to: str
    subject: str = "It works"
    text: str = "Handed in by a program."

    @property
    def body(self) -> dict[str, object]:
        """What the API takes."""
        return {"from": self.sender, "to": [self.to], "subject": self.subject, "text": self.text, "tags": ["first-try"]}


def connection(site: str) -> Connection:
    """Where to connect; `site` is the address under which the dashboard was reached, `https://host:port`."""
    base = settings.RELAYHUB_BASE_URL if settings.IS_PRODUCTION else site.rstrip("/")
    bind = settings.RELAYHUB_BIND
    return Connection(
        api_url=f"{base}/api/v1", host=bind if bind in _LOOPBACK else settings.RELAYHUB_HOSTNAME,
        starttls_port=settings.RELAYHUB_SUBMISSION_PORT, tls_port=settings.RELAYHUB_SUBMISSIONS_PORT,
        has_certificate=bool(settings.RELAYHUB_TLS_CERT),
    )


def sender_domain(workspace: Workspace) -> tuple[str, bool]:
    """The domain that examples send from, and whether it is verified: a verified one, else any, else a made-up one."""
    rows = SendingDomain.objects.filter(workspace=workspace, deleted_at=None).order_by("created_at")
    verified = rows.filter(status=DomainStatus.VERIFIED).first()
    found = verified or rows.first()
    return (found.name if found else _FALLBACK_DOMAIN), verified is not None


def rest_examples(place: Connection, letter: Letter) -> list[Example]:
    """The same message through curl, Python and Node; each reads its key from RELAYHUB_KEY."""
    return [
        Example(key="curl", label="curl", title=_("Terminal"), text=_curl(place, letter)),
        Example(key="python", label="Python", title=_("Python 3, standard library"), text=_python(place, letter)),
        Example(key="node", label="Node", title=_("Node 18 or newer, as hello.mjs"), text=_node(place, letter)),
    ]


def smtp_examples(place: Connection, letter: Letter, username: str) -> list[Example]:
    """The same message by SMTP; the password comes from RELAYHUB_SMTP_PASSWORD."""
    return [
        Example(key="swaks", label="swaks", title=_("Terminal"), text=_swaks(place, letter, username)),
        Example(key="smtplib", label="Python", title=_("Python 3, standard library"),
                text=_smtplib(place, letter, username)),
    ]


def _pretty(value: dict[str, object], indent: int) -> str:
    """One field a line."""
    lines = (f"{' ' * indent}{_text(name)}: {_text(item)}" for name, item in value.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _text(value: object) -> str:
    """A literal of texts and lists of them, which reads the same in Python, JavaScript and JSON."""
    return json.dumps(value, ensure_ascii=False)


def _curl(place: Connection, letter: Letter) -> str:
    return (
        f"curl -sS {shlex.quote(f'{place.api_url}/messages')} \\\n"
        '  -H "Authorization: Bearer $RELAYHUB_KEY" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(_indented(_pretty(letter.body, 2), 2))}\n"
    )


def _python(place: Connection, letter: Letter) -> str:
    return (
        "import json, os, urllib.request\n\n"
        f"message = {_pretty(letter.body, 4)}\n"
        "request = urllib.request.Request(\n"
        f"    {_text(f'{place.api_url}/messages')},\n"
        "    data=json.dumps(message).encode(),\n"
        '    headers={"Authorization": "Bearer " + os.environ["RELAYHUB_KEY"], "Content-Type": "application/json"},\n'
        ")\n"
        "with urllib.request.urlopen(request) as answer:\n"
        "    print(answer.status, answer.read().decode())\n"
    )


def _node(place: Connection, letter: Letter) -> str:
    return (
        f"const answer = await fetch({_text(f'{place.api_url}/messages')}, {{\n"
        '  method: "POST",\n'
        '  headers: { Authorization: `Bearer ${process.env.RELAYHUB_KEY}`, "Content-Type": "application/json" },\n'
        f"  body: JSON.stringify({_indented(_pretty(letter.body, 2), 2)}),\n"
        "});\n"
        "console.log(answer.status, await answer.json());\n"
    )


def _indented(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)


def _swaks(place: Connection, letter: Letter, username: str) -> str:
    return (
        f"swaks --server {shlex.quote(place.host)} --port {place.starttls_port} --tls \\\n"
        f"  --auth PLAIN --auth-user {shlex.quote(username)} --auth-password \"$RELAYHUB_SMTP_PASSWORD\" \\\n"
        f"  --from {shlex.quote(letter.sender)} --to {shlex.quote(letter.to)} \\\n"
        f"  --header {shlex.quote(f'Subject: {letter.subject}')} --header 'X-RelayHub-Tag: first-try' \\\n"
        f"  --body {shlex.quote(letter.text)}\n"
    )


def _smtplib(place: Connection, letter: Letter, username: str) -> str:
    trust = "ssl.create_default_context()" if place.has_certificate else "ssl._create_unverified_context()"
    remark = "" if place.has_certificate else "  # the certificate here is signed by itself"
    return (
        "import os, smtplib, ssl\nfrom email.message import EmailMessage\n\n"
        "message = EmailMessage()\n"
        f'message["From"], message["To"] = {_text(letter.sender)}, {_text(letter.to)}\n'
        f'message["Subject"] = {_text(letter.subject)}\n'
        'message["X-RelayHub-Tag"] = "first-try"\n'
        f"message.set_content({_text(letter.text)})\n"
        f"with smtplib.SMTP({_text(place.host)}, {place.starttls_port}) as server:\n"
        f"    server.starttls(context={trust}){remark}\n"
        f'    server.login({_text(username)}, os.environ["RELAYHUB_SMTP_PASSWORD"])\n'
        "    print(server.send_message(message) or \"accepted\")\n"
    )
