"""Names nobody thinks of when drawing a page: as long as they may be without a blank, right to left, emoji."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse

from campaigns import editing, lists, templates
from campaigns.contacts import Evidence, add_contact
from deliverability import domains
from tests.pages.marketer_rows import desk
from tests.pages.message_rows import handed_in
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

LONG = "Sauerteigroggenbrot" * 10 + "Brotzeit!!"  # 200 characters without a blank
RIGHT_TO_LEFT = "رسالة الأسبوع إلى أصدقاء المخبز " * 6
EMOJI = "👩🏽‍🍳🥐" * 40
NAMES = (LONG, RIGHT_TO_LEFT.strip(), EMOJI)


def test_pages_hold_hard_names(look: Callable[..., None]) -> None:
    at = desk()
    said = Evidence(channel="api", source="the shop")
    pages = {}
    for number, name in enumerate(NAMES):
        made = lists.create_list(at.actor, name=name[:200], description=name)
        person = add_contact(
            at.actor, email=f"{'x' * 60}{number}@{'y' * 50}.example", name=name[:300], lists=[made], evidence=said
        )
        template = templates.create_template(
            at.actor, name=name[:200], content=templates.TemplateInput(subject=name * 3, source="<p>Hi</p>")
        )
        campaign = editing.create_campaign(
            at.actor,
            editing.CampaignChanges(name=name[:200], subject=(name * 5)[:900], template=template, lists=[made]),
        )
        message = handed_in(at, f"p{number}@people.example", subject=(name * 4)[:600])
        pages |= {
            f"list-{number}": reverse("list-detail", args=[made.public_id]),
            f"contact-{number}": reverse("contact-detail", args=[person.public_id]),
            f"campaign-{number}": reverse("campaign-content", args=[campaign.public_id]),
            f"message-{number}": reverse("message-detail", args=[message.public_id]),
        }
    label = "a" * 60
    domains.add_domain(at.actor, at.workspace, ".".join([label, label, label, "example"]))
    for page in ("home", "campaign-list", "contact-list", "list-list", "template-list", "message-list", "domain-list",
                 "sandbox-inbox"):
        pages[page] = reverse(page)

    troubles = []
    for name, path in pages.items():
        if name.endswith(("-1", "-2")) and not name.startswith("message"):
            continue  # the long one is the hardest for pages of one thing; lists show all three
        try:
            look(at, path, f"hard-{name}")
        except AssertionError as exc:  # what is wrong with the others is told as well
            troubles.append(str(exc))
    assert troubles == [], "\n".join(troubles)


@pytest.mark.parametrize(("page", "field"), [("list-new", "name"), ("campaign-new", "name"), ("contact-new", "name")])
def test_a_name_that_is_too_long_comes_back_with_a_word(browse: Browsing, page: str, field: str) -> None:
    at = desk()
    answer = at.client.post(reverse(page), {field: "n" * 501, "email": "ada@people.example"})

    text = answer.content.decode()
    assert answer.status_code == 422
    assert "n" * 501 in text
    assert "is-invalid" in text or 'role="alert"' in text
