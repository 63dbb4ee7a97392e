"""Rules of a workspace: kept without their secrets, explained, changed with history."""

from __future__ import annotations

from typing import Any

import pytest

from relayhub.core.access import Actor
from relayhub.core.errors import AccessError, ForbiddenError, InputError
from relayhub.core.models import AuditEntry, Workspace
from relayhub.relay import routes, streams
from relayhub.relay.models import Route
from relayhub.relay.routes import RouteInput
from tests.support.deliverability_rows import make_actor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def actor(settings: Any) -> Actor:
    settings.RELAYHUB_DEFAULT_ROUTE = "sandbox"
    doer = make_actor()
    streams.ensure_default_streams(doer.workspace)
    routes.forget()
    return doer


def texts(actor: Actor) -> list[str]:
    return [rule.transport.text for rule in routes.rules_for(actor.workspace.pk).rules]


def test_the_default_route_stands_last(actor: Actor) -> None:
    routes.create_route(actor, RouteInput(transport="direct", domains=["town.example"]))

    assert texts(actor) == ["direct", "sandbox"]


def test_the_secret_is_split_off_and_sealed(actor: Actor) -> None:
    route = routes.create_route(actor, RouteInput(transport="smtp://me:pa55word@house.example:587"))

    stored = Route.objects.get(pk=route.pk)
    rule = routes.rules_for(actor.workspace.pk).rules[0]
    assert stored.transport == "smtp://house.example:587"
    assert b"pa55word" not in bytes(stored.secret or b"")
    assert (rule.transport.username, rule.transport.password) == ("me", "pa55word")
    assert not any("pa55word" in f"{entry.summary}{entry.after}" for entry in AuditEntry.objects.all())


def test_a_providers_settings_reach_its_transport(actor: Actor) -> None:
    routes.create_route(
        actor, RouteInput(transport="anymail:mailgun", provider_settings={"api_key": "k", "sender_domain": "d"})
    )

    spec = routes.rules_for(actor.workspace.pk).rules[0].transport
    assert spec.settings == (("api_key", "k"), ("sender_domain", "d"))
    assert "api_key" not in repr(spec)


def test_changing_a_rule_keeps_its_secret_unless_the_host_changes(actor: Actor) -> None:
    route = routes.create_route(actor, RouteInput(transport="smtp://me:pa55word@house.example"))

    routes.change_route(actor, route, RouteInput(transport="smtp://house.example", weight=5))
    kept = routes.rules_for(actor.workspace.pk).rules[0].transport.password
    routes.change_route(actor, route, RouteInput(transport="smtp://other.example"))
    gone = routes.rules_for(actor.workspace.pk).rules[0].transport.password

    assert (kept, gone) == ("pa55word", "")


def test_rules_are_put_in_the_place_asked_for_and_close_up_when_one_goes(actor: Actor) -> None:
    routes.create_route(actor, RouteInput(transport="smtp://one.example"))
    routes.create_route(actor, RouteInput(transport="smtp://two.example"))
    first = routes.create_route(actor, RouteInput(transport="smtp://zero.example"), position=1)
    order = texts(actor)
    routes.delete_route(actor, first)

    assert order == ["smtp://zero.example:25", "smtp://one.example:25", "smtp://two.example:25", "sandbox"]
    assert list(Route.objects.values_list("position", flat=True)) == [1, 2]


def test_two_tabs_that_change_the_rules_keep_their_places_whole(actor: Actor) -> None:
    first, second, _ = (routes.create_route(actor, RouteInput(transport=f"smtp://{name}.example")) for name in "abc")
    tab, gone = Route.objects.get(pk=first.pk), Route.objects.get(pk=second.pk)

    routes.move_route(actor, first, 3)
    routes.move_route(actor, tab, 1)
    routes.delete_route(actor, second)

    assert texts(actor) == ["smtp://a.example:25", "smtp://c.example:25", "sandbox"]
    assert list(Route.objects.order_by("position").values_list("position", flat=True)) == [1, 2]
    with pytest.raises(AccessError):
        routes.delete_route(actor, gone)
    with pytest.raises(AccessError):
        routes.move_route(actor, gone, 1)
    with pytest.raises(AccessError):
        routes.change_route(actor, gone, RouteInput(transport="direct"))


@pytest.mark.parametrize(
    "given",
    [RouteInput(transport="nonsense"), RouteInput(transport="direct", streams=["nobody"]),
     RouteInput(transport="direct", domains=["not a domain"]), RouteInput(transport="direct", weight=-1),
     RouteInput(transport="direct", tls="maybe"), RouteInput(transport="direct", max_connections=0)],
)
def test_a_rule_that_cannot_be_is_refused(actor: Actor, given: RouteInput) -> None:
    with pytest.raises(InputError):
        routes.create_route(actor, given)


def test_only_who_may_write_routes_changes_them(actor: Actor) -> None:
    reader = Actor(workspace=actor.workspace, permissions=frozenset({"routes.read"}), label="reader")

    with pytest.raises(ForbiddenError):
        routes.create_route(reader, RouteInput(transport="direct"))


def test_which_way_would_it_go_and_why(actor: Actor) -> None:
    routes.create_route(actor, RouteInput(transport="lmtp://store", domains=["town.example"], name="our town"))

    inside = routes.explain(actor, address="zoe@town.example", stream="transactional")
    outside = routes.explain(actor, address="zoe@other.example", stream="transactional")

    assert inside.transport.text == "lmtp://store:24"
    assert outside.transport.text == "sandbox"
    assert outside.considered[0].why == "it is for town.example only"


def test_an_unverified_domain_is_held_where_mail_would_leave(actor: Actor) -> None:
    routes.create_route(actor, RouteInput(transport="direct"))

    choice = routes.explain(
        actor, address="zoe@town.example", stream="transactional", from_domain="shop.example"
    )

    assert choice.hold_reason == "domain_unverified"


@pytest.mark.parametrize(
    ("default", "stored", "is_pinned", "expected"),
    [("sandbox", "", False, True), ("direct", "", False, False), ("sandbox", "direct", False, False),
     ("direct", "", True, True)],
)
def test_a_workspace_is_in_the_sandbox_while_its_last_resort_is(
    actor: Actor, settings: Any, default: str, stored: str, is_pinned: bool, expected: bool
) -> None:
    settings.RELAYHUB_DEFAULT_ROUTE = default
    Workspace.objects.filter(pk=actor.workspace.pk).update(is_pinned_to_sandbox=is_pinned)
    if stored:
        routes.create_route(actor, RouteInput(transport=stored))
    routes.forget()

    assert routes.workspace_in_sandbox(actor.workspace.pk) is expected
