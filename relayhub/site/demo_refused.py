"""What the bakery's programs were refused in the Demo workspace: a typing error, a missing scope, a key that ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from relayhub.core import refusals
from relayhub.core.ids import Prefix, encode_id, uuid7_at
from relayhub.core.models import ApiKey, Door, RefusedRequest, Workspace
from relayhub.relay.models import SmtpCredential
from relayhub.site import demo_texts as texts

_NODE, _CURL, _PHP = "node-fetch/3.3", "curl/8.5.0", "GuzzleHttp/7"
_NO_KEY = "This API key is unknown, was revoked, has expired, or may not be used from this address."


class RefusedRequests:
    """Rows as the API and the submission port would have written them."""

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self.workspace, self.now = workspace, now
        self.rows: list[RefusedRequest] = []

    def add(self, *, shop: ApiKey, staging: ApiKey, old: ApiKey, till: SmtpCredential) -> None:
        """A week of them, oldest first."""
        self._old_shop(old, (150, 102, 54, 30, 6))
        back = timedelta(days=1, hours=2)
        self._post(staging, back, 422, "invalid_request", "/sender", "unknown",
                   "There is no such field. Fields are: from, to, cc, bcc, reply_to, subject, text, html, template.")
        self._post(staging, back - timedelta(minutes=4), 422, "invalid_request", "/to/0", "invalid_address",
                   "“maja@”: there is no domain behind the @.")
        self._http(staging, back - timedelta(minutes=9), "GET", "/api/v1/messages", 403, "forbidden",
                   "This needs the permission “messages.read”, which this key does not have.", _CURL, "limit=1")
        self._mail(till, timedelta(hours=20, minutes=11))
        self._http(shop, timedelta(hours=3, minutes=40), "GET", "/api/v1/message/msg_01kb9y2c7mf0r8v5q3xw6d4hta", 404,
                   "not_found", "There is no such resource.", _NODE)
        RefusedRequest.objects.bulk_create(self.rows)

    def _old_shop(self, key: ApiKey, hours: tuple[int, ...]) -> None:
        for back in hours:
            self._http(key, timedelta(hours=back, minutes=2), "POST", "/api/v1/messages", 401, "not_authenticated",
                       _NO_KEY, _PHP, reason="key_revoked")

    def _post(
        self, key: ApiKey, back: timedelta, status: int, code: str, pointer: str, kind: str, detail: str
    ) -> None:
        self._http(key, back, "POST", "/api/v1/messages", status, code, f"{pointer}: {detail}", _NODE)
        self.rows[-1].errors = [{"pointer": pointer, "code": kind, "detail": detail}]

    def _http(
        self, key: ApiKey, back: timedelta, method: str, path: str, status: int, code: str, detail: str, agent: str,
        query: str = "", *, reason: str = "",
    ) -> None:
        at = self.now - back
        self.rows.append(
            RefusedRequest(
                id=uuid7_at(at), at=at, workspace=self.workspace, door=Door.HTTP, caller_id=key.public_id,
                caller_name=key.name, method=method, path=path, query=query, status=status, code=code,
                detail=refusals.plain(detail, 1000), reason=reason, request_id=str(uuid7_at(at)), ip="198.51.100.24",
                user_agent=agent,
            )
        )

    def _mail(self, credential: SmtpCredential, back: timedelta) -> None:
        at = self.now - back
        self.rows.append(
            RefusedRequest(
                id=uuid7_at(at), at=at, workspace=self.workspace, door=Door.SMTP,
                caller_id=encode_id(Prefix.CREDENTIAL, credential.pk), caller_name=credential.name, method="DATA",
                path=f"MAIL FROM:<till@{texts.DOMAIN}> RCPT TO:1", status=550, code="unknown_stream",
                detail="5.7.1 There is no stream “recepits”", ip="198.51.100.31", user_agent="EHLO till.local",
                errors=[{"pointer": "/stream", "code": "unknown_stream", "detail": "There is no stream “recepits”"}],
            )
        )
