"""Figures of lists: exact while they are quickly counted, a minute old where a list is very large."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import lists
from campaigns.models import Contact, MailingList, Subscription
from relayhub.core.models import Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def newsletter() -> MailingList:
    cache.clear()
    workspace = Workspace.objects.create(name="Shop", slug="shop")
    return MailingList.objects.create(workspace=workspace, name="Newsletter")


def _join(mailing_list: MailingList, address: str) -> None:
    contact = Contact.objects.create(workspace=mailing_list.workspace, email=address, email_key=address)
    Subscription.objects.create(workspace=mailing_list.workspace, mailing_list=mailing_list, contact=contact,
                                status="confirmed")


def test_a_small_list_is_counted_each_time(newsletter: MailingList) -> None:
    _join(newsletter, "a@example.com")
    before = lists.counts_by_status([newsletter.pk])
    _join(newsletter, "b@example.com")

    assert before == {newsletter.pk: {"confirmed": 1}}
    assert lists.counts_by_status([newsletter.pk]) == {newsletter.pk: {"confirmed": 2}}


def test_a_large_list_is_counted_once_a_minute(
    newsletter: MailingList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "EXACT_UP_TO", 0)
    _join(newsletter, "a@example.com")
    lists.counts_by_status([newsletter.pk])
    _join(newsletter, "b@example.com")

    with CaptureQueriesContext(connection) as seen:
        found = lists.counts_by_status([newsletter.pk])

    assert found == {newsletter.pk: {"confirmed": 1}}
    assert len(seen) == 0
