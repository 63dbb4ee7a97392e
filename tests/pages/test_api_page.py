"""The API page: who sees what, keys and credentials made, shown once, rotated, revoked; examples that run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse
from playwright._impl._driver import compute_driver_executable
from pytest_django.live_server_helper import LiveServer

from relayhub.core import keys
from relayhub.core.clock import now
from relayhub.core.models import ApiKey, AuditEntry, Role, Scope
from relayhub.relay import connecting, credentials
from relayhub.relay.models import Message, SmtpCredential
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.door_rows import forget_everything, make_domain

pytestmark = pytest.mark.django_db

FORM = {"name": "shop", "scopes": ["messages.write"], "networks": "", "life": "90", "requests_per_second": "50"}


def text_of(page: bytes) -> str:
    return unescape(page.decode())


def make_key(at: Desk, **changes: object) -> str:
    """The text of a key that was made on the page."""
    answer = at.client.post(reverse("api-key-new"), {**FORM, **changes}, follow=True)
    assert answer.status_code == 200, text_of(answer.content)
    found = re.search(r"rh_live_[a-z2-7]{8}_[a-z2-7]{32}", text_of(answer.content))
    assert found
    return found[0]


def test_a_new_key_is_shown_once_and_works() -> None:
    at = desk()
    text = make_key(at)
    again = at.client.get(reverse("api-home"))

    key = keys.find_key(text)
    assert key is not None
    assert (key.name, key.scopes, key.requests_per_second) == ("shop", ["messages.write"], 50)
    assert key.expires_at is not None
    assert timedelta(days=89) < key.expires_at - now() < timedelta(days=91)
    assert text not in text_of(again.content)
    assert text[-4:] in text_of(again.content)
    assert "no-store" in again["Cache-Control"]
    assert text not in str(list(at.client.session.items()))
    assert text not in str(list(AuditEntry.objects.values()))


def test_limits_are_kept_and_bad_ones_come_back_with_the_text() -> None:
    at = desk()
    make_domain(at.workspace, "acme.example")
    bad = at.client.post(reverse("api-key-new"), {**FORM, "networks": "10.0.0.0/8 nonsense"})
    empty = at.client.post(reverse("api-key-new"), {**FORM, "scopes": []})
    make_key(at, domains=["acme.example"], streams=["broadcast"], networks="10.0.0.0/8\n192.0.2.7")

    assert (bad.status_code, empty.status_code) == (422, 422)
    assert "“nonsense” is not a network" in text_of(bad.content)
    assert "10.0.0.0/8 nonsense" in text_of(bad.content)
    assert "Choose at least one scope" in text_of(empty.content)
    key = ApiKey.objects.get()
    assert (key.domains, key.streams, key.networks) == (["acme.example"], ["broadcast"], ["10.0.0.0/8", "192.0.2.7"])


def test_nobody_gives_a_scope_they_do_not_hold() -> None:
    at = desk(role=Role.DEVELOPER)
    page = text_of(at.client.get(reverse("api-key-new")).content)
    refused = at.client.post(reverse("api-key-new"), {**FORM, "scopes": ["domains.write"]})

    assert 'value="messages.write"' in page
    assert 'value="domains.write"' not in page
    assert refused.status_code == 422
    assert not ApiKey.objects.exists()


def test_a_rotation_keeps_the_old_key_for_the_chosen_time() -> None:
    at = desk()
    old = make_key(at)
    row = ApiKey.objects.get()
    shown = at.client.post(reverse("api-key-rotate", args=[row.public_id]), {"overlap": "3600"}, follow=True)
    row.refresh_from_db()

    new = re.search(r"export RELAYHUB_KEY=(\S+?)<", shown.content.decode())
    assert new
    assert new[1] != old
    assert keys.find_key(old)
    assert keys.find_key(new[1])
    assert row.expires_at is not None
    assert row.expires_at - now() < timedelta(hours=1, minutes=1)
    again = at.client.post(reverse("api-key-rotate", args=[row.public_id]), {"overlap": "0"}, follow=True)
    assert "was rotated already" in text_of(again.content)


def test_revoking_ends_a_key_at_once_and_keeps_it_under_ended() -> None:
    at = desk()
    text = make_key(at)
    row = ApiKey.objects.get()
    at.client.post(reverse("api-key-revoke", args=[row.public_id]))

    assert keys.find_key(text) is None
    assert row.prefix[:12] not in text_of(at.client.get(reverse("api-home")).content)
    assert row.prefix[:12] in text_of(at.client.get(reverse("api-home") + "?state=ended").content)


def test_roles_without_keys_see_where_to_connect_and_nothing_else() -> None:
    at = desk(role=Role.MARKETER)
    page = text_of(at.client.get(reverse("api-home")).content)

    assert "Your role does not see keys" in page
    assert "/api/v1/messages" in page
    for name in ("api-key-new", "api-smtp", "api-smtp-new"):
        assert at.client.get(reverse(name)).status_code == 403
        assert reverse(name) not in page


def test_rows_of_others_are_absent() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    make_key(other)
    theirs = ApiKey.objects.get()
    smtp = credentials.create_credential(other.actor, name="theirs").credential

    for name, row in (("api-key", theirs), ("api-smtp", smtp)):
        for act in ("rotate", "revoke"):
            assert at.client.post(reverse(f"{name}-{act}", args=[row.public_id])).status_code == 404
    assert theirs.prefix[:12] not in text_of(at.client.get(reverse("api-home")).content)


def test_a_credential_is_made_shown_once_rotated_and_revoked() -> None:
    at = desk()
    form = {"name": "printer", "stream": "broadcast", "networks": "", "life": ""}
    made = text_of(at.client.post(reverse("api-smtp-new"), form, follow=True).content)
    row = SmtpCredential.objects.get()
    password = re.search(r"export RELAYHUB_SMTP_PASSWORD=([a-z2-7]{32})", made)

    assert password
    assert credentials.find_credential(row.username, password[1], ip=None)
    assert row.stream is not None
    assert row.stream.slug == "broadcast"
    assert password[1] not in text_of(at.client.get(reverse("api-smtp")).content)
    at.client.post(reverse("api-smtp-rotate", args=[row.public_id]), {"overlap": "0"})
    assert credentials.find_credential(row.username, password[1], ip=None) is None
    newest = SmtpCredential.objects.exclude(pk=row.pk).get()
    at.client.post(reverse("api-smtp-revoke", args=[newest.public_id]))
    newest.refresh_from_db()
    assert newest.revoked_at is not None


def test_the_same_acts_by_rest() -> None:
    at = desk()
    key = keys.create_key(at.actor, name="all", limits=keys.KeyLimits(scopes=tuple(Scope.values)))
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key.text}", "content_type": "application/json"}
    url = "/api/v1/smtp-credentials"
    made = at.client.post(url, {"name": "app", "expires_at": "2099-01-01T00:00:00Z"}, **headers).json()
    rotated = at.client.post(f"{url}/{made['id']}/rotate", {"overlap_seconds": 60}, **headers)

    assert made["expires_at"] == "2099-01-01T00:00:00Z"
    assert rotated.status_code == 201
    assert rotated.json()["password"] != made["password"]


def test_a_limited_key_makes_nothing_wider_than_itself() -> None:
    at = desk()
    limits = keys.KeyLimits(
        scopes=("keys.write", "keys.read"), domains=("acme.example",), networks=("127.0.0.0/8",),
        expires_at=now() + timedelta(days=10),
    )
    key = keys.create_key(at.actor, name="narrow", limits=limits)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key.text}", "content_type": "application/json"}
    fitting = {"name": "n", "scopes": ["keys.read"], "domains": ["acme.example"], "networks": ["127.0.0.1"],
               "expires_at": (now() + timedelta(days=1)).isoformat()}

    assert at.client.post("/api/v1/keys", fitting, **headers).status_code == 201
    for change in ({"domains": []}, {"networks": ["0.0.0.0/0"]}, {"expires_at": None}, {"networks": []}):
        assert at.client.post("/api/v1/keys", {**fitting, **change}, **headers).status_code == 403
    assert at.client.post("/api/v1/smtp-credentials", {"name": "wide"}, **headers).status_code == 403
    assert at.client.post(f"/api/v1/keys/{key.key.public_id}/rotate", {}, **headers).status_code == 201


def test_an_answer_with_a_password_is_not_kept_for_a_repeated_request() -> None:
    at = desk()
    key = keys.create_key(at.actor, name="all", limits=keys.KeyLimits(scopes=tuple(Scope.values)))
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key.text}", "HTTP_IDEMPOTENCY_KEY": "once"}
    for _ in range(2):
        at.client.post("/api/v1/smtp-credentials", {"name": "app"}, content_type="application/json", **headers)

    assert SmtpCredential.objects.count() == 2


def test_values_with_quotes_stay_whole_in_every_example() -> None:
    place = connecting.connection("http://127.0.0.1:8000")
    letter = connecting.Letter(sender="hello@acme.example", to="o'brien+x@acme.example", text='Say "hi", it’s\nus\\')
    curl, python, node = (item.text for item in connecting.rest_examples(place, letter))
    swaks, _ = (item.text for item in connecting.smtp_examples(place, letter, "rh-user"))

    words = shlex.split(curl.replace("\\\n", " "))
    assert json.loads(words[words.index("-d") + 1]) == letter.body
    compile(python, "example", "exec")
    assert json.dumps(letter.text, ensure_ascii=False) in node
    assert letter.text in shlex.split(swaks.replace("\\\n", " "))


def runs(language: str) -> list[str]:
    """What a person would type before the pasted text."""
    if language == "curl":
        if shutil.which("curl") is None:
            (pytest.fail if os.environ.get("RELAYHUB_NEEDS_BROWSER") else pytest.skip)(
                "No curl on this machine: its example needs it (apt-get install curl)"
            )
        return ["sh", "-c"]
    if language == "node":
        return [str(compute_driver_executable()[0]), "--input-type=module", "-e"]
    return [sys.executable, "-c"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("language", ["curl", "python", "node"])
def test_an_example_runs_as_it_stands(live_server: LiveServer, language: str) -> None:
    forget_everything()
    at = desk()
    key = keys.create_key(at.actor, name="k", limits=keys.KeyLimits(scopes=("messages.write",)))
    page = text_of(at.client.get(reverse("api-home"), headers={"host": live_server.url.removeprefix("http://")}).content)
    code = re.search(rf'<pre id="example-{language}"[^>]*>(.*?)</pre>', page, re.DOTALL)

    assert code
    done = subprocess.run(
        [*runs(language), code[1]], env={"RELAYHUB_KEY": key.text, "PATH": os.environ["PATH"]}, capture_output=True,
        text=True, timeout=60, check=False,
    )
    assert '"status"' in done.stdout or done.stdout.startswith("202 "), done.stdout + done.stderr
    message = Message.objects.get()
    assert (message.subject, message.from_address, message.tags) == ("It works", "hello@example.com", ["first-try"])


def test_a_key_that_was_rotated_offers_no_other_rotation() -> None:
    at = desk()
    key = keys.find_key(make_key(at))
    assert key is not None
    before = text_of(at.client.get(reverse("api-home")).content)
    at.client.post(reverse("api-key-rotate", args=[key.public_id]), {"overlap": "3600"})

    after = text_of(at.client.get(reverse("api-home")).content)
    again = at.client.post(reverse("api-key-rotate", args=[key.public_id]), {"overlap": "3600"}, follow=True)

    assert f"#rotate-{key.public_id}" in before
    assert f"#rotate-{key.public_id}" not in after
    assert f"#revoke-{key.public_id}" in after
    assert again.status_code == 409
    assert ApiKey.objects.count() == 2
