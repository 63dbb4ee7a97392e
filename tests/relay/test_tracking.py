"""Who is a machine, where a click leads, and that no guess leads anywhere."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from relayhub.core.clock import now
from relayhub.core.crypto import link_keyring
from relayhub.core.models import Workspace
from relayhub.protocol.tokens import Purpose, Reference, sign_reference
from relayhub.relay import events_feedback, routes, tracking
from relayhub.relay.models import Event, Recipient, TrackedLink
from relayhub.site import setup
from tests.api.test_campaigns import expand, make_campaign
from tests.api.test_smoke import client_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
servers = [pytest.mark.django_db, pytest.mark.servers]


def visit(user_agent: str = FIREFOX, method: str = "GET") -> tracking.Visit:
    return tracking.Visit(method=method, user_agent=user_agent, ip=None)


@pytest.mark.parametrize(
    "user_agent",
    ["", "Mozilla/5.0", "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)",
     "YahooMailProxy; https://help.yahoo.com/", "curl/8.5.0", "Googlebot/2.1", "python-requests/2.32"],
)
def test_programs_are_told_by_their_names(user_agent: str) -> None:
    assert tracking.is_machine(visit(user_agent), Recipient())


@pytest.mark.parametrize("user_agent", [FIREFOX, "Mozilla/5.0 (Linux; Android 13; CUBOT P80) Chrome/126.0"])
def test_people_are_not(user_agent: str) -> None:
    assert not tracking.is_machine(visit(user_agent), Recipient())


def test_head_and_haste_are_machines() -> None:
    assert tracking.is_machine(visit(method="HEAD"), Recipient())
    assert tracking.is_machine(visit(), Recipient(finished_at=now() - timedelta(seconds=2)))
    assert not tracking.is_machine(visit(), Recipient(finished_at=now() - timedelta(minutes=2)))


@pytest.mark.parametrize(("status", "is_machine"), [("leased", True), ("attempting", True), ("queued", False),
                                                    ("unknown", False)])
def test_who_looks_while_the_mail_is_handed_over_is_a_machine(status: str, is_machine: bool) -> None:
    assert tracking.is_machine(visit(), Recipient(status=status)) is is_machine


@pytest.fixture
def recipient() -> Recipient:
    routes.forget()
    workspace: Workspace = setup.new_workspace("Shop")
    client = client_of(workspace)
    campaign = make_campaign(client, html="<p><a href='https://shop.example/a?b=1&amp;c=2'>a</a></p>", people=1)
    assert client.post(f"/api/v1/campaigns/{campaign}/launch", {}, format="json").status_code == 202
    expand(workspace)
    return Recipient.objects.select_related("message").get()


def token(recipient: Recipient, purpose: Purpose, *, link: int = 0, issued: date | None = None) -> str:
    reference = Reference(id=recipient.pk, issued_on=issued or now().date(), link_number=link)
    return sign_reference(purpose, reference, link_keyring())


class TestVisits:
    pytestmark = servers

    def test_an_open_by_a_person_is_noted_once(
        self, recipient: Recipient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moment = now()
        monkeypatch.setattr(events_feedback, "now", lambda: moment)
        client = Client(headers={"User-Agent": FIREFOX})
        path = f"/t/o/{token(recipient, Purpose.OPEN)}"

        answers = [client.get(path) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert not answers[0].cookies
        assert "no-store" in answers[0]["Cache-Control"]
        recipient.refresh_from_db()
        assert recipient.opened_at is not None
        assert Event.objects.filter(type="opened").count() == 1

    def test_the_pixel_comes_whatever_the_token(self, db: None) -> None:
        answer = Client().get("/t/o/guessed")

        assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
        assert not Event.objects.filter(type="opened").exists()

    def test_a_link_number_that_is_not_stored_leads_nowhere(self, recipient: Recipient) -> None:
        assert Client().get(f"/t/c/{token(recipient, Purpose.CLICK, link=99)}").status_code == 404

    def test_no_address_in_the_request_changes_the_target(self, recipient: Recipient) -> None:
        path = f"/t/c/{token(recipient, Purpose.CLICK, link=1)}"

        answer = Client(headers={"User-Agent": FIREFOX}).get(path + "?url=https://evil.example/")

        assert answer["Location"] == "https://shop.example/a?b=1&c=2"
        assert not answer.cookies

    def test_an_old_link_shows_its_target_and_asks(self, recipient: Recipient) -> None:
        old = token(recipient, Purpose.CLICK, link=1, issued=now().date() - timedelta(days=740))

        answer = Client().get(f"/t/c/{old}")

        assert answer.status_code == 200
        assert "https://shop.example/a" in answer.content.decode()

    def test_a_target_that_is_no_web_address_leads_nowhere(self, recipient: Recipient) -> None:
        TrackedLink.objects.update(url="javascript:alert(1)")

        assert Client().get(f"/t/c/{token(recipient, Purpose.CLICK, link=1)}").status_code == 404

    @pytest.mark.parametrize("path", ["/t/o/x", "/t/c/x"])
    def test_only_looking_is_allowed(self, path: str, db: None) -> None:
        assert Client().post(path).status_code == 405

    def test_a_click_leads_on_though_it_cannot_be_noted(
        self, recipient: Recipient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> bool:
            raise OperationalError("could not extend file: No space left on device")

        monkeypatch.setattr(events_feedback, "record_click", full)

        answer = Client(headers={"User-Agent": FIREFOX}).get(f"/t/c/{token(recipient, Purpose.CLICK, link=1)}")

        assert (answer.status_code, answer["Location"]) == (302, "https://shop.example/a?b=1&c=2")

    @pytest.mark.parametrize("purpose", [Purpose.OPEN, Purpose.CLICK])
    def test_a_visit_does_not_read_the_mail(self, recipient: Recipient, purpose: Purpose) -> None:
        kind = {Purpose.OPEN: "o", Purpose.CLICK: "c"}[purpose]
        path = f"/t/{kind}/{token(recipient, purpose, link=1)}"

        with CaptureQueriesContext(connection) as asked:
            Client(headers={"User-Agent": FIREFOX}).get(path)

        assert not [query for query in asked if '"relay_content"."data"' in query["sql"]]
