"""The contact list at any size: what filters find, how pages follow each other in any order, and honest counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache

from campaigns import (
    contact_count,
    contact_filter,
    contact_order,
    contact_table,
    contact_walk,
    fields,
    lists,
    saved_views,
    standing,
)
from campaigns.comparisons import Comparison
from campaigns.contact_filter import ContactFilter, from_query, to_query
from campaigns.contacts import Evidence, add_contact
from campaigns.fields import field_types
from campaigns.models import Contact
from relayhub.core.access import Actor, actor_for_member, system_actor
from relayhub.core.errors import ConflictError, ForbiddenError, InputError
from relayhub.core.ids import uuid7_at
from relayhub.core.keyset import Place, decode_place, encode_place
from relayhub.core.models import Member, Role, User
from relayhub.relay.models import Stream
from relayhub.site import setup
from tests.support.relay_rows import make_lane, make_message, make_recipients

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> Actor:
    cache.clear()
    return system_actor(setup.new_workspace("Shop"))


def person(actor: Actor, email: str, name: str = "", *, by: str = "form", on: Any = (), **values: Any) -> Contact:
    return add_contact(actor, email=f"{email}@x.example", name=name, lists=on, fields=values,
                       evidence=Evidence(channel=by))


def names(rows: Any) -> list[str]:
    return [row.email.partition("@")[0] for row in rows]


def found(actor: Actor, **wanted: Any) -> set[str]:
    return set(names(contact_filter.matching(actor.workspace, ContactFilter(**wanted))))


def page(actor: Actor, sort: str = "", *, size: int = 50, **where: Any) -> contact_table.ContactPage:
    order = contact_order.parse(sort, field_types(actor.workspace))
    return contact_table.page_of(actor.workspace, ContactFilter(), order, size=size, **where)


# -- filters -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "op", "value", "who"),
    [
        ("city", "has", "osl", "a"), ("city", "is", "Oslo", "a"), ("city", "is", "oslo", ""),
        ("city", "not", "Oslo", "bc"),
        ("city", "any", "", "ab"), ("city", "none", "", "c"), ("city", "", "berg", "b"), ("city", "", "", "ab"),
        ("age", "gt", "9", "a"), ("age", "ge", "9", "ab"), ("age", "lt", "41", "b"), ("age", "le", "9", "b"),
        ("age", "not", "9", "ac"), ("born", "lt", "2000-01-01", "a"), ("born", "gt", "2000-01-01", "b"),
        ("card", "is", "no", "b"), ("card", "is", "yes", "a"),
    ],
)
def test_fields_are_compared_by_their_kind(actor: Actor, field: str, op: str, value: str, who: str) -> None:
    for key, kind in (("city", "text"), ("age", "number"), ("born", "date"), ("card", "boolean")):
        fields.define_field(actor, key=key, type=kind)
    person(actor, "a", city="Oslo", age=41, born="1985-02-03", card=True)
    person(actor, "b", city="Bergen", age=9, born="2017-02-03", card=False)
    person(actor, "c")

    assert found(actor, comparisons=(Comparison(field=field, op=op, value=value),)) == set(who)


@pytest.mark.parametrize(("field", "op", "value"), [
    ("city", "gt", "1"), ("city", "is", ""), ("age", "is", "old"), ("age", "has", "4"), ("shoe", "is", "1"),
])
def test_a_comparison_that_makes_no_sense_is_refused(actor: Actor, field: str, op: str, value: str) -> None:
    fields.define_field(actor, key="city")
    fields.define_field(actor, key="age", type="number")

    with pytest.raises(InputError):
        found(actor, comparisons=(Comparison(field=field, op=op, value=value),))


def test_several_comparisons_all_hold(actor: Actor) -> None:
    person(actor, "a", city="Oslo", age=41)
    person(actor, "b", city="Oslo", age=9)
    given = {"field": ["city", "", "age"], "op": ["is", "", "gt"], "value": ["Oslo", "", "10"]}

    assert names(contact_filter.matching(actor.workspace, from_query(given))) == ["a"]


def test_consent_lists_and_days_narrow(actor: Actor) -> None:
    news = lists.create_list(actor, name="News")
    person(actor, "form", on=[news])
    person(actor, "api", by="api", on=[news])
    person(actor, "nobody")
    old = person(actor, "old")
    Contact.objects.filter(pk=old.pk).update(id=uuid7_at(datetime(2024, 5, 31, 23, 30, tzinfo=UTC)))

    assert found(actor, consent="form") == {"form"}
    assert found(actor, consent="none") == {"nobody", "old"}
    assert found(actor, not_on=news.pk) == {"nobody", "old"}
    assert found(actor, mailing_list=news.pk, consent="api") == {"api"}
    assert found(actor, added_to=date(2024, 5, 31)) == {"old"}
    assert found(actor, added_to=date(2024, 5, 30)) == set()
    assert found(actor, added_from=date(2024, 6, 1)) == {"form", "api", "nobody"}


def test_what_people_did_with_mail_narrows(actor: Actor) -> None:
    for name in ("opened", "silent", "never"):
        person(actor, name)
    long_ago = datetime.now(UTC) - timedelta(days=100)
    stream = Stream.objects.get(workspace=actor.workspace, kind="transactional")
    lane = make_lane(stream)
    for name in ("opened", "silent"):
        make_recipients(
            make_message(stream), lane, [f"{name}@x.example"], status="delivered",
            opened_at=long_ago if name == "opened" else None,
        )

    assert found(actor, did="opened") == {"opened"}
    assert found(actor, did="opened", within_days=90) == set()
    assert found(actor, did="not_opened") == {"silent", "never"}
    assert found(actor, did="written", within_days=1) == {"opened", "silent"}
    assert found(actor, did="not_written") == {"never"}


@pytest.mark.parametrize("rare", [0, 5_000], ids=["frequent words", "rare words"])
def test_with_very_many_contacts_words_are_found_by_their_beginnings(
    actor: Actor, monkeypatch: pytest.MonkeyPatch, rare: int
) -> None:
    monkeypatch.setattr(contact_filter, "_RARE", rare)
    person(actor, "zoe.berg", "Zoë van Rijn")
    person(actor, "other")
    assert found(actor, text="ijn") == {"zoe.berg"}

    monkeypatch.setattr(standing, "EXACT_UP_TO", 1)

    for text in ("rijn", "ZOË", "van ri", "berg", "@x.example zoe"):
        assert "zoe.berg" in found(actor, text=text), text
    assert found(actor, text="ijn") == set()
    assert found(actor, text="&|!") == set()


@pytest.mark.parametrize("given", [
    {"list": ["lst_nonsense"]}, {"consent": ["x"]}, {"did": ["slept"]}, {"added_from": ["yesterday"]},
    {"added_to": ["0001-01-01"]}, {"did": ["opened"], "within": ["0"]}, {"did": ["opened"], "within": ["²"]},
    {"did": ["opened"], "within": ["9" * 5000]},
    {"field": ["a"] * 11},
])
def test_parameters_that_cannot_be_read_are_refused(given: dict[str, list[str]]) -> None:
    with pytest.raises(InputError):
        from_query(given)


def test_a_filter_comes_back_from_its_parameters(actor: Actor) -> None:
    news = lists.create_list(actor, name="News")
    wanted = ContactFilter(
        text="zoe", mailing_list=news.pk, standing="may", source="import imp_x", consent="form",
        comparisons=(Comparison(field="city", op="is", value="Oslo"), Comparison(field="age", op="any")),
        added_from=date(2026, 1, 2), did="not_opened", within_days=30,
    )

    assert from_query(to_query(wanted)) == wanted
    assert to_query(ContactFilter()) == {}


# -- orders and pages ----------------------------------------------------------------------------------------


@pytest.fixture
def five(actor: Actor) -> Actor:
    fields.define_field(actor, key="age", type="number")
    everybody = (("e", "beate", 9), ("d", "Anna", 100), ("c", "Anna", None), ("b", "", 41), ("a", "Zoë", 41))
    for email, name, age in everybody:
        person(actor, email, name, **({"age": age} if age else {}))
    return actor


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", "abcde"), ("-added", "abcde"), ("added", "edcba"), ("title", "dcbea"), ("-title", "aebcd"),
        ("field:age", "ebadc"), ("-field:age", "dabec"),
    ],
)
def test_pages_in_every_order_follow_each_other_both_ways(five: Actor, sort: str, order: str) -> None:
    first = page(five, sort, size=2).page
    assert first.before is None
    seen, here = names(first.rows), first
    while here.after is not None:
        here = page(five, sort, size=2, after=decode_place(encode_place(here.after))).page
        seen += names(here.rows)
    assert "".join(seen) == order

    back = page(five, sort, size=2, before=here.before).page
    assert "".join(names(back.rows)) == order[2:4]


@pytest.mark.parametrize("many", [False, True])
def test_sorting_by_name_is_the_same_for_few_and_for_many(
    five: Actor, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    monkeypatch.setattr(standing, "EXACT_UP_TO", 1)
    monkeypatch.setattr(contact_table, "EXACT_UP_TO", 1 if many else 10)

    found = contact_table.page_of(
        five.workspace, ContactFilter(standing="none"), contact_order.parse("title", {}), size=10
    )

    assert "".join(names(found.page.rows)) == "dcbea"


def test_sorting_very_many_by_a_field_is_refused_in_words(five: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "EXACT_UP_TO", 1)
    monkeypatch.setattr(contact_count, "EXACT_UP_TO", 1)
    monkeypatch.setattr(contact_table, "EXACT_UP_TO", 1)

    with pytest.raises(InputError, match="too many to sort by a field"):
        page(five, "field:age")
    with pytest.raises(InputError, match="nothing to sort by"):
        page(five, "shoe")


def test_a_query_that_takes_too_long_is_given_up_and_said(five: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_table, "_PATIENCE_MS", 1)
    monkeypatch.setattr(
        contact_filter, "_added",
        lambda found, wanted, zone: found.extra(where=["(SELECT count(*) FROM generate_series(1, 3000000)) > 0"]),
    )
    monkeypatch.setattr(standing, "EXACT_UP_TO", 1)

    with pytest.raises(InputError) as refused:
        page(five)
    assert refused.value.code == "too_slow"


def test_a_foreign_place_is_none() -> None:
    no_text = encode_place(Place(value="a\0", key=uuid7_at(datetime.now(UTC))))
    for text in ("", "x", "bm9uc2Vuc2U", "W1sxXSwiMSJd", no_text):
        assert decode_place(text) is None


def test_a_place_of_another_order_is_refused(five: Actor) -> None:
    by_name, by_age = page(five, "title", size=2).page.after, page(five, "field:age", size=2).page.after

    for sort, place in (("title", by_age), ("field:age", by_name), ("title", page(five, size=2).page.after)):
        with pytest.raises(InputError, match="another order"):
            page(five, sort, after=place)


def test_what_a_field_of_the_same_key_left_is_not_read_as_a_number(five: Actor) -> None:
    Contact.objects.filter(fields__has_key="age").update(fields={"age": "old"})

    assert len(page(five, "field:age").page.rows) == 5


# -- many contacts: a walk, or all that match ----------------------------------------------------------------


@pytest.fixture
def many(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """So many that they are walked through: `a` to `t`, newest first; every third is on no list, the last is old."""
    news = lists.create_list(actor, name="News")
    for number, letter in enumerate(reversed("abcdefghijklmnopqrst")):
        person(actor, letter, on=[news] if number % 3 else [], city="Oslo" if letter in "bstr" else "Bergen")
    Contact.objects.filter(email="t@x.example").update(id=uuid7_at(datetime(2024, 5, 31, tzinfo=UTC)))
    monkeypatch.setattr(standing, "EXACT_UP_TO", 1)
    return actor


def walked(actor: Actor, wanted: ContactFilter, sort: str, size: int) -> tuple[str, str]:
    """Who is on all pages to the end, and on those of the way back to the first."""

    def turn(**where: Any) -> Any:
        return contact_table.page_of(actor.workspace, wanted, contact_order.parse(sort, {}), size=size, **where).page

    here = turn()
    there, back = names(here.rows), list[str]()
    while here.after is not None:
        here = turn(after=here.after)
        there += names(here.rows)
    while here.before is not None:
        here = turn(before=here.before)
        back = names(here.rows) + back
    return "".join(there), "".join(back)


@pytest.mark.parametrize("walk", [1, 2, 7, 5_000])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("sort", ["-added", "added"])
def test_a_page_is_the_same_whether_contacts_are_walked_through_or_gathered(
    many: Actor, monkeypatch: pytest.MonkeyPatch, walk: int, size: int, sort: str
) -> None:
    monkeypatch.setattr(contact_walk, "WALK", walk)
    news = lists.lists_of(many.workspace).get().pk
    oslo = (Comparison(field="city", op="is", value="Oslo"),)
    filters = [
        ContactFilter(standing="none"), ContactFilter(standing="may"), ContactFilter(not_on=news),
        ContactFilter(mailing_list=news), ContactFilter(consent="none"), ContactFilter(did="opened"),
        ContactFilter(did="not_opened"), ContactFilter(comparisons=oslo), ContactFilter(text="nobody"),
        ContactFilter(comparisons=oslo, standing="none"), ContactFilter(added_to=date(2024, 6, 1)),
        ContactFilter(added_from=date(2024, 6, 1), comparisons=oslo),
    ]

    for wanted in filters:
        everybody = names(contact_filter.matching(many.workspace, wanted).order_by("-id"))
        expected = "".join(everybody if sort == "-added" else reversed(everybody))
        there, back = walked(many, wanted, sort, size)
        assert there == expected, wanted
        # The way back leads over every page but the last.
        assert back == expected[: (len(expected) - 1) // size * size], wanted


@pytest.mark.parametrize("walk", [2, 5_000])
def test_the_newest_that_words_lead_to_are_the_same_for_few_and_for_many(
    many: Actor, monkeypatch: pytest.MonkeyPatch, walk: int
) -> None:
    monkeypatch.setattr(contact_walk, "WALK", walk)
    person(many, "anna.first", "Anna")
    for number in range(3):
        person(many, f"other{number}")
    person(many, "anna.last", "Anna")

    for text in ("anna", "x.example", "anna x", "nobody", "anna.first@"):
        few = contact_filter.search(many.workspace, text).order_by("-pk")[:3]
        assert names(contact_table.newest_of(many.workspace, text, 3)) == names(few), text
    assert names(contact_table.newest_of(many.workspace, "anna", 9)) == ["anna.last", "anna.first"]


def test_only_who_is_not_met_on_the_walk_is_gathered(many: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    gathered, real = list[int](), contact_walk._gathered
    monkeypatch.setattr(contact_walk, "_gathered", lambda *given: gathered.append(1) or real(*given))
    monkeypatch.setattr(contact_walk, "WALK", 6)

    def gathers(**more: Any) -> bool:
        gathered.clear()
        wanted = ContactFilter(standing="none")
        rows = contact_table.page_of(
            many.workspace, wanted, contact_order.parse("", {}), size=2, **more
        ).page.rows
        assert len(rows) == 2
        return bool(gathered)

    # Two of the six nearest are on no list: for the third, which tells that there is more, all are gathered.
    assert gathers()
    monkeypatch.setattr(contact_walk, "WALK", 9)
    assert not gathers()
    # Of the last there are fewer than a walk goes through.
    assert not gathers(after=Place(value=None, key=Contact.objects.get(email="l@x.example").pk))


def test_a_page_that_does_not_wait_comes_without_those_who_take_long(
    many: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_walk, "WALK", 2)
    slow = "(SELECT count(*) FROM generate_series(1, 3000000)) > 0"
    real = contact_walk._gathered
    monkeypatch.setattr(contact_walk, "_gathered", lambda found, *more: real(found.extra(where=[slow]), *more))

    def asked(**more: Any) -> contact_table.ContactPage:
        order = contact_order.parse("", {})
        return contact_table.page_of(many.workspace, ContactFilter(standing="none"), order, size=2, **more)

    monkeypatch.setattr(contact_walk, "SOON_MS", 1)
    late = asked(waits=False)
    assert (late.is_there, list(late.page.rows), late.counted) == (False, [], None)
    assert names(asked().page.rows) == ["b", "e"]
    monkeypatch.setattr(contact_walk, "SOON_MS", 60_000)
    assert names(asked(waits=False).page.rows) == ["b", "e"]


# -- counts --------------------------------------------------------------------------------------------------


def counted(actor: Actor, *, exactly: bool = False, **wanted: Any) -> contact_count.Counted:
    asked = ContactFilter(**wanted)
    rows = contact_filter.matching(actor.workspace, asked)
    return contact_count.count_of(actor.workspace, asked, rows, exactly=exactly)


def test_few_are_counted_and_many_estimated_until_asked(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        person(actor, f"p{number}", city="Oslo" if number < 9 else "Bergen")
    oslo = (Comparison(field="city", op="is", value="Oslo"),)
    assert counted(actor, comparisons=oslo) == contact_count.Counted(count=9, is_exact=True)

    monkeypatch.setattr(contact_count, "EXACT_UP_TO", 5)
    # An estimate that may be one of few is none: they are counted.
    assert counted(actor, comparisons=oslo) == contact_count.Counted(count=9, is_exact=True)
    cache.clear()
    monkeypatch.setattr(contact_count, "_SURELY", 1)

    estimate = counted(actor, comparisons=oslo)
    assert (estimate.count, estimate.is_exact) == (9, False)  # a table this small is one page, all of the sample
    assert counted(actor, comparisons=oslo, exactly=True) == contact_count.Counted(count=9, is_exact=True)
    assert counted(actor, comparisons=oslo).is_exact
    assert counted(actor) == contact_count.Counted(count=12, is_exact=True)


@pytest.mark.parametrize(("count", "text"), [(412_345, "about 410,000"), (98_765, "about 99,000"), (7, "about 7")])
def test_an_estimate_says_no_more_than_it_knows(count: int, text: str) -> None:
    assert contact_count.Counted(count=count, is_exact=False).text == text
    assert contact_count.Counted(count=count, is_exact=True).text == f"{count:,}"


# -- saved views ---------------------------------------------------------------------------------------------


def member(actor: Actor, role: str, email: str) -> Actor:
    user = User.objects.create_user(email, "a long enough word 7")
    return actor_for_member(Member.objects.create(workspace=actor.workspace, user=user, role=role))


def test_views_are_shared_or_of_one_person(actor: Actor) -> None:
    maja, viewer = member(actor, Role.MARKETER, "m@x.example"), member(actor, Role.VIEWER, "v@x.example")
    shared = saved_views.save_view(maja, name="Silent", query={"did": ["not_opened"], "page": ["3"]}, is_shared=True)
    mine = saved_views.save_view(maja, name="Silent", query={"sort": ["title"]})

    assert shared.query == {"did": ["not_opened"]}
    assert list(saved_views.views_of(viewer)) == [shared]
    assert set(saved_views.views_of(maja)) == {shared, mine}
    with pytest.raises(ConflictError):
        saved_views.save_view(maja, name="silent".title(), query={}, is_shared=True)
    for act in (lambda: saved_views.delete_view(viewer, shared),
                lambda: saved_views.change_view(viewer, shared, name="x"),
                lambda: saved_views.save_view(viewer, name="x", query={}, is_shared=True)):
        with pytest.raises(ForbiddenError):
            act()
    assert saved_views.save_view(viewer, name="Own", query={}).owner == viewer.user


def test_a_view_of_nonsense_is_not_saved(actor: Actor) -> None:
    for query in ({"standing": ["x"]}, {"field": ["shoe"]}, {"sort": ["shoe"]}):
        with pytest.raises(InputError):
            saved_views.save_view(actor, name="x", query=query, is_shared=True)


def test_columns_are_remembered_for_a_person_and_for_a_view(actor: Actor) -> None:
    maja = member(actor, Role.MARKETER, "m@x.example")
    view = saved_views.save_view(maja, name="Silent", query={}, columns=["added"])

    saved_views.keep_columns(maja, ["source", "nonsense", "source"])
    taste = saved_views.taste_of(maja)
    assert saved_views.columns_for(taste, ["city"], None) == ["source"]
    assert saved_views.columns_for(taste, ["city"], view) == ["added"]
    saved_views.keep_columns(maja, ["lists"], view)

    taste = saved_views.taste_of(maja)
    assert saved_views.columns_for(taste, ["city"], view) == ["lists"]
    assert saved_views.columns_for(None, ["city"], None) == ["field:city", "lists", "last"]


def test_the_first_view_is_lost_with_the_view(actor: Actor) -> None:
    maja = member(actor, Role.MARKETER, "m@x.example")
    view = saved_views.save_view(maja, name="Silent", query={})
    saved_views.open_with(maja, view)
    assert saved_views.default_view_of(maja, saved_views.taste_of(maja)) == view

    saved_views.delete_view(maja, view)

    assert saved_views.default_view_of(maja, saved_views.taste_of(maja)) is None
