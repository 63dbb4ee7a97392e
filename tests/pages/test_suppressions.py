"""The suppression pages: find, ask, add, import, export, lift with a reason."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from campaigns import list_choice
from campaigns.lists import create_list
from deliverability import suppression
from deliverability.models import Suppression
from relayhub.core import jobs
from relayhub.core.models import AuditEntry, Job, Role
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.pages.message_rows import handed_in
from tests.support.deliverability_rows import bulk_stream

pytestmark = pytest.mark.django_db


def stopped(at: Desk, address: str = "a@x.example", **more: object) -> Suppression:
    given: dict[str, object] = {"reason": "hard_bounce", "scope": "workspace", "source": "550 5.1.1 no such user"}
    row = suppression.suppress(at.workspace.pk, address, **{**given, **more})  # type: ignore[arg-type]
    assert row is not None
    return row


def words(at: Desk, address: str) -> str:
    answer = at.client.get(address)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


LIST = "/suppressions"


# -- finding -------------------------------------------------------------------------------------------------


def test_an_empty_list_says_what_lands_here_and_what_to_do() -> None:
    page = desk().client.get(LIST).content.decode()

    assert "Nobody is suppressed" in page
    assert reverse("suppression-import") in page


def test_a_row_says_why_how_far_and_with_what_evidence() -> None:
    at = desk()
    stopped(at)
    stopped(at, "b@x.example", reason="complaint", scope="stream", stream_id=bulk_stream(at.actor).pk, source="Yahoo")

    page = words(at, LIST)

    assert "Hard bounce Everything 550 5.1.1 no such user" in page
    assert f"Complaint Stream {bulk_stream(at.actor).name} Yahoo" in page
    assert "by the relay" in page
    assert "2 suppressions" in page


def test_how_somebody_left_is_said_in_words_and_exported_as_it_is_stored() -> None:
    at = desk()
    stopped(at, reason="unsubscribe", source="unsubscribed by one_click")

    assert "unsubscribed by one click in the mail program" in words(at, LIST)
    assert b"unsubscribed by one_click" in b"".join(at.client.get(reverse("suppression-export")).streaming_content)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?reason=complaint", {"b@x.example"}), ("?scope=workspace", {"a@x.example", "c@y.example"}),
        ("?q=y.ex", {"c@y.example"}), ("?q=A@x.example", {"a@x.example"}), ("?state=lifted", {"gone@x.example"}),
        ("?reason=nonsense", {"a@x.example", "b@x.example", "c@y.example"}),
        ("?scope=stream&reason=complaint&q=b@", {"b@x.example"}),
    ],
)
def test_filters_stand_in_the_address(query: str, expected: set[str]) -> None:
    at = desk()
    stopped(at)
    stopped(at, "b@x.example", reason="complaint", scope="stream", stream_id=bulk_stream(at.actor).pk)
    stopped(at, "c@y.example", reason="manual")
    suppression.lift(at.actor, stopped(at, "gone@x.example"), reason="back again")

    page = at.client.get(LIST + query).content.decode()

    assert set(re.findall(r'<a class="t" [^>]+>([^<]+)</a>', page)) == expected


def test_a_stream_may_be_the_filter() -> None:
    at = desk()
    stopped(at)
    stopped(at, "b@x.example", reason="complaint", scope="stream", stream_id=bulk_stream(at.actor).pk)

    page = at.client.get(f"{LIST}?scope={bulk_stream(at.actor).public_id}").content.decode()

    assert re.findall(r'<a class="t" [^>]+>([^<]+)</a>', page) == ["b@x.example"]


def test_a_whole_address_is_answered_in_a_sentence() -> None:
    at = desk()
    stopped(at)
    stopped(at, "b@x.example", reason="complaint", scope="stream", stream_id=bulk_stream(at.actor).pk)

    assert "A@x.example is suppressed. No mail of this workspace goes to it." in words(at, f"{LIST}?q=A@x.example")
    assert "b@x.example is suppressed in part. Not for: Stream" in words(at, f"{LIST}?q=b@x.example")
    assert "c@x.example is not suppressed. Mail to it goes out." in words(at, f"{LIST}?q=c@x.example")


def test_an_address_on_its_page_tells_its_other_scopes_and_its_past() -> None:
    at = desk()
    suppression.lift(at.actor, stopped(at), reason="Wrote that it works")
    row = stopped(at)
    stopped(at, reason="complaint", scope="stream", stream_id=bulk_stream(at.actor).pk, source="Yahoo")

    page = words(at, reverse("suppression-detail", args=[row.public_id]))

    assert "Also stopped for" in page
    assert "Yahoo" in page
    assert "by maja@example.com: Wrote that it works" in page


# -- adding --------------------------------------------------------------------------------------------------


def test_many_are_pasted_at_once_with_a_note() -> None:
    at = desk()
    stopped(at, "old@x.example")

    answer = at.client.post(
        reverse("suppression-new"),
        {"addresses": "a@x.example; Ben <b@x.example>\r\nold@x.example", "scope": "workspace", "reason": "manual",
         "source": "Asked by phone"}, follow=True,
    )

    assert "2 addresses suppressed. 1 was already." in answer.content.decode()
    row = Suppression.objects.get(address="b@x.example")
    assert (row.source, row.created_by, row.reason) == ("Asked by phone", at.user, "manual")
    assert AuditEntry.objects.filter(action="suppression.added", actor="maja@example.com").count() == 1


def test_a_stream_alone_may_be_stopped() -> None:
    at = desk()
    stream = bulk_stream(at.actor)

    at.client.post(
        reverse("suppression-new"), {"addresses": "a@x.example", "scope": stream.public_id, "reason": "unsubscribe"}
    )

    row = Suppression.objects.get()
    assert (row.scope, row.stream_id, row.reason) == ("stream", stream.pk, "unsubscribe")


def test_what_is_no_address_stays_to_be_put_right() -> None:
    at = desk()

    answer = at.client.post(
        reverse("suppression-new"),
        {"addresses": "a@x.example\nnobody\nat@", "scope": "workspace", "reason": "manual"},
    )
    page = answer.content.decode()

    assert answer.status_code == 422
    assert "1 address suppressed." in page
    assert "2 entries not taken" in page
    assert re.search(r"<textarea[^>]*>\s*nobody\nat@</textarea>", page)
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"addresses": ""}, "This field is required"), ({"addresses": " ,; "}, "Write at least one address"),
        ({"addresses": "a@x.example " * 10_001}, "These are 10,001 addresses"),
        ({"addresses": "a@x.example", "scope": "str_00000000000000000000000000"}, "Select a valid choice"),
    ],
)
def test_bad_input_is_told_and_kept(given: dict[str, str], why: str) -> None:
    answer = desk().client.post(reverse("suppression-new"), {"scope": "workspace", "reason": "manual", **given})

    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert given["addresses"][:11].strip(" ,;") in answer.content.decode()
    assert not Suppression.objects.exists()


# -- files ---------------------------------------------------------------------------------------------------


def test_a_file_is_imported_and_its_refusals_are_fetched() -> None:
    at = desk()
    file = SimpleUploadedFile("old.csv", b"email,reason\na@x.example,complaint\nnobody,\n", "text/csv")

    answer = at.client.post(
        reverse("suppression-import"), {"file": file, "scope": "workspace", "reason": "hard_bounce"}
    )
    job = Job.objects.get()
    assert answer["Location"] == reverse("suppression-import-run", args=[job.public_id])
    assert "Stop" in words(at, answer["Location"])
    jobs.run_job(job.pk)
    page = words(at, answer["Location"])

    assert "1 address suppressed." in page
    assert "1 line not taken." in page
    refused = at.client.get(reverse("suppression-import-rejects", args=[job.public_id]))
    assert b"".join(refused).decode().splitlines()[1] == "3,nobody,This is not an address."  # type: ignore[call-overload]
    assert Suppression.objects.get().source == "import of old.csv by maja@example.com"


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "The file is empty"), (b"PK\x03\x04..", "Save the sheet as CSV"), (b"\0\1", "not a text file")],
)
def test_a_file_that_cannot_be_read_is_told(data: bytes, why: str) -> None:
    answer = desk().client.post(
        reverse("suppression-import"),
        {"file": SimpleUploadedFile("old.csv", data), "scope": "workspace", "reason": "manual"},
    )

    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Job.objects.exists()


def test_an_import_that_nobody_began_is_stopped() -> None:
    at = desk()
    at.client.post(
        reverse("suppression-import"),
        {"file": SimpleUploadedFile("old.csv", b"a@x.example"), "scope": "workspace", "reason": "manual"},
    )
    job = Job.objects.get()

    at.client.post(reverse("suppression-import-cancel", args=[job.public_id]))

    assert Job.objects.get().status == "cancelled"
    assert "what was added stays" in words(at, reverse("suppression-import-run", args=[job.public_id]))


def test_the_export_is_what_the_list_shows() -> None:
    at = desk()
    stopped(at)
    stopped(at, "b@x.example", reason="manual")

    answer = at.client.get(f"{reverse('suppression-export')}?reason=manual")

    lines = b"".join(answer).decode().splitlines()  # type: ignore[call-overload]
    assert answer["Content-Disposition"] == 'attachment; filename="suppressions.csv"'
    assert [line.split(",")[0] for line in lines] == ["address", "b@x.example"]


# -- lifting -------------------------------------------------------------------------------------------------


def test_lifting_wants_a_reason_and_can_be_undone() -> None:
    at = desk()
    row = stopped(at, reason="complaint", scope="stream", stream_id=bulk_stream(at.actor).pk)
    address = reverse("suppression-lift")
    assert "Lift it only if they asked for your mail again" in words(at, f"{address}?id={row.public_id}")

    refused = at.client.post(address, {"id": row.public_id, "reason": " "})
    assert refused.status_code == 422
    answer = at.client.post(address, {"id": row.public_id, "reason": "She wrote to us"}, follow=True)
    row.refresh_from_db()
    assert (row.lifted_by, row.lift_reason) == ("maja@example.com", "She wrote to us")
    undo = reverse("suppression-restore", args=[row.public_id])
    assert undo in answer.content.decode()

    at.client.post(undo)
    row.refresh_from_db()
    assert row.lifted_at is None


def test_several_are_lifted_for_one_reason() -> None:
    at = desk()
    rows = [stopped(at, f"{name}@x.example") for name in "abc"]
    query = "&".join(f"id={row.public_id}" for row in rows[:2])

    assert "Lift 2 suppressions?" in words(at, f"{reverse('suppression-lift')}?{query}")
    at.client.post(
        reverse("suppression-lift"), {"id": [row.public_id for row in rows[:2]], "reason": "Host was down"}
    )

    assert list(Suppression.objects.filter(lifted_at=None).values_list("address", flat=True)) == ["c@x.example"]


# -- doors ---------------------------------------------------------------------------------------------------


def test_who_may_only_look_gets_no_button_and_through_no_door() -> None:
    owner = desk()
    row = stopped(owner)
    viewer = desk(owner.workspace, role=Role.VIEWER, email="v@example.com")

    page = viewer.client.get(LIST).content.decode()

    for address in (reverse("suppression-lift"), reverse("suppression-export"), reverse("suppression-new")):
        assert f'href="{address}' not in page
        assert viewer.client.get(f"{address}?id={row.public_id}").status_code == 403
    for address in (
        reverse("suppression-new"), reverse("suppression-import"), reverse("suppression-lift"),
        reverse("suppression-restore", args=[row.public_id]),
    ):
        assert viewer.client.post(address, {"id": row.public_id, "reason": "x"}).status_code == 403
    assert viewer.client.get(reverse("suppression-detail", args=[row.public_id])).status_code == 200


def test_a_marketer_may_export_but_not_lift() -> None:
    owner = desk()
    row = stopped(owner)
    marketer = desk(owner.workspace, role=Role.MARKETER, email="m@example.com")

    assert marketer.client.get(reverse("suppression-export")).status_code == 200
    assert marketer.client.get(f"{reverse('suppression-lift')}?id={row.public_id}").status_code == 403


def test_what_belongs_to_others_is_not_there() -> None:
    theirs = desk()
    row = stopped(theirs)
    theirs.client.post(
        reverse("suppression-import"),
        {"file": SimpleUploadedFile("old.csv", b"a@x.example"), "scope": "workspace", "reason": "manual"},
    )
    job = Job.objects.get()
    other = desk(setup.new_workspace("Other"), email="o@example.com")

    assert "a@x.example" not in other.client.get(LIST).content.decode()
    for address in (
        reverse("suppression-detail", args=[row.public_id]), f"{reverse('suppression-lift')}?id={row.public_id}",
        reverse("suppression-import-run", args=[job.public_id]),
        reverse("suppression-import-rejects", args=[job.public_id]),
    ):
        assert other.client.get(address).status_code == 404
    assert other.client.post(reverse("suppression-restore", args=[row.public_id])).status_code == 404
    assert other.client.post(
        reverse("suppression-lift"), {"id": row.public_id, "reason": "mine now"}
    ).status_code == 404


# -- more mailing lists than a menu holds --------------------------------------------------------------------


def test_with_many_lists_one_is_looked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_choice, "SHOWN", 2)
    at = desk()
    first, *_ = [create_list(at.actor, name=f"List {number}") for number in range(3)]
    given = {"addresses": "a@x.example", "scope": "list", "reason": "unsubscribe"}
    address = reverse("suppression-new")

    form = at.client.get(address).content.decode()
    nameless = at.client.post(address, given).content.decode()
    at.client.post(address, {**given, "list": first.public_id})
    at.client.post(address, {**given, "addresses": "b@x.example", "list_name": "list 1"})
    foreign = at.client.post(address, {**given, "list": create_list(desk(
        setup.new_workspace("Other"), email="o@example.com").actor, name="Theirs").public_id}).content.decode()

    unused = at.client.post(address, {**given, "scope": "workspace", "list_name": "List 1"}).content.decode()

    assert "A mailing list is named below." in unused
    assert not Suppression.objects.filter(scope="workspace").exists()
    assert "data-picker" in form
    assert ">List List 1<" not in form
    assert "Choose the mailing list" in nameless
    assert "Choose the mailing list" in foreign
    assert Suppression.objects.filter(list_id=first.pk, scope="list").count() == 1
    page = at.client.get(LIST, {"scope": first.public_id}).content.decode()
    assert re.findall(r'<a class="t" [^>]+>([^<]+)</a>', page) == ["a@x.example"]
    assert f'<option value="{first.public_id}" selected>List List 0</option>' in page
    assert ">List List 1</td>" in at.client.get(LIST, {"scope": "list"}).content.decode()


def test_the_link_to_an_addresses_messages_shows_its_messages() -> None:
    at = desk()
    handed_in(at, "a@x.example", subject="For a")
    handed_in(at, "b@x.example", subject="For b")
    row = stopped(at)
    page = at.client.get(reverse("suppression-detail", args=[row.public_id])).content.decode()
    link = re.search(r'href="([^"]+)"><svg[^>]*><use[^>]*></svg>Messages to it', page)
    assert link

    shown = at.client.get(unescape(link[1])).content.decode()

    assert "For a" in shown
    assert "For b" not in shown


def test_what_an_import_refused_is_taken_away_by_who_may_export() -> None:
    owner = desk()
    owner.client.post(
        reverse("suppression-import"),
        {"file": SimpleUploadedFile("old.csv", b"a@x.example\nnobody"), "scope": "workspace", "reason": "manual"},
    )
    job = Job.objects.get()
    jobs.run_job(job.pk)
    run, refused = (reverse(f"suppression-import-{name}", args=[job.public_id]) for name in ("run", "rejects"))
    viewer = desk(owner.workspace, role=Role.VIEWER, email="v@example.com")
    marketer = desk(owner.workspace, role=Role.MARKETER, email="m@example.com")

    assert refused not in viewer.client.get(run).content.decode()
    assert refused in marketer.client.get(run).content.decode()
    assert viewer.client.get(refused).status_code == 403
    assert viewer.client.get(f"/api/v1/suppressions/imports/{job.public_id}/rejects").status_code == 403
    assert marketer.client.get(refused).status_code == 200
