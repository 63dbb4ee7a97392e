"""The message pages, the sandbox inbox and the search in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from relayhub.relay.models import Message, Recipient
from tests.pages.marketer_rows import Desk, desk
from tests.pages.message_rows import GREYLISTED, NO_SUCH_USER, handed_in, kept, recipient_of, tried, with_file
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
Look = Callable[..., None]
HTML = '<h1>Hello</h1><p>See <a href="https://shop.example/rye">the rye</a> that we baked for you.</p>'


def filled(at: Desk) -> Message:
    """A day's messages; gives the deferred one."""
    tried(recipient_of(handed_in(at, "gone@mail.example", subject="Set a new password")), "bounced", NO_SUCH_USER,
          detail={"suppresses": True}, bounce_class="hard", bounce_category="recipient")
    many = handed_in(at, *(f"guest{number}@mail.example" for number in range(9)), subject="Opening hours")
    for row in list(Recipient.objects.filter(message=many))[:6]:
        tried(row, "delivered", {"code": 250, "enhanced": "2.0.0", "text": "Ok: queued"})
    for number in range(4):
        kept(handed_in(at, f"reader{number}@mail.example", subject=f"Your order {1200 + number} at the shop",
                       attachments=[with_file()], html=HTML))
    deferred = handed_in(at, "ines.moreau@harbourmail.example", subject="Rye, rolls and Saturday at 9", tags=["rye"])
    tried(recipient_of(deferred), "deferred", GREYLISTED, wait=95,
          detail={"why": "The receiver puts strangers off once; it takes them at the second try.",
                  "remedy": "Nothing to do: it is tried again."})
    return deferred


def test_the_pages_hold_what_every_page_promises(look: Look) -> None:
    at = desk()
    deferred = filled(at)
    many = Message.objects.get(subject="Opening hours")

    look(at, reverse("message-list"), "messages")
    look(at, reverse("message-list") + "?q=mail.example+bounced+today", "messages-search")
    look(at, reverse("message-detail", args=[deferred.public_id]), "message")
    look(at, reverse("message-detail", args=[many.public_id]), "message-many")
    look(at, reverse("message-headers", args=[deferred.public_id]), "message-headers")
    look(at, reverse("message-content", args=[Message.objects.filter(subject__contains="order").first().public_id]),
         "message-content")


def test_the_inbox_and_the_search_as_well(look: Look) -> None:
    at = desk()
    filled(at)
    mail = Recipient.objects.filter(transport="sandbox").order_by("-id")[1]

    look(at, reverse("sandbox-inbox"), "sandbox")
    look(at, f"{reverse('sandbox-message', args=[mail.public_id])}?show=headers", "sandbox-headers")
    look(at, f"{reverse('search')}?q=order", "search")


def test_a_button_without_a_word_says_that_it_copied(browse: Browsing) -> None:
    at = desk()
    page = browse(at)
    page.goto(reverse("message-detail", args=[filled(at).public_id]))

    button = page.get_by_role("button", name="Copy the message id")
    button.click()

    expect(button).to_have_attribute("data-said", "Copied")
    assert "Copied" in button.evaluate("element => getComputedStyle(element, '::after').content")
    expect(button).not_to_have_attribute("data-said", "Copied")


def test_empty_ones_too(look: Look) -> None:
    at = desk()

    look(at, reverse("message-list"), "messages-empty")
    look(at, reverse("sandbox-inbox"), "sandbox-empty")
    look(at, reverse("search"), "search-empty")


def test_somebody_finds_a_mail_by_the_key_reads_why_and_cancels_it(browse: Browsing) -> None:
    at = desk()
    filled(at)
    page = browse(at)
    page.goto(reverse("message-list"))

    page.keyboard.press("/")
    page.keyboard.type("ines.moreau@harbourmail.example")
    page.get_by_role("option", name="Rye, rolls and Saturday at 9").click()
    page.get_by_role("heading", name="Likely cause").wait_for()
    assert page.get_by_text("451 4.7.1 Greylisted").last.is_visible()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel for 1 recipient").click()

    page.get_by_text("Cancelled for 1 recipient.").wait_for()
    assert Recipient.objects.get(address="ines.moreau@harbourmail.example").status == "cancelled"


def test_a_search_grows_from_examples_and_shrinks_by_its_parts(browse: Browsing) -> None:
    at = desk()
    filled(at)
    page = browse(at)
    page.goto(reverse("message-list"))

    page.get_by_text("What may be typed").click()
    page.get_by_role("link", name="bounced").click()
    page.get_by_role("link", name="Set a new password").wait_for()
    expect(page.get_by_role("searchbox", name="Address, domain")).to_have_value("bounced")
    page.get_by_text("What may be typed").click()
    page.get_by_role("link", name="yesterday", exact=True).click()
    page.get_by_role("heading", name="No message matches").wait_for()
    page.get_by_role("link", name="Take out: yesterday").click()

    page.get_by_role("link", name="Set a new password").wait_for()
    assert page.url.endswith("?q=bounced")


def test_picked_rows_are_cancelled_after_a_word_that_counts_them(browse: Browsing) -> None:
    at = desk()
    filled(at)
    page = browse(at)
    page.goto(reverse("message-list"))

    page.get_by_role("checkbox", name="Select Rye, rolls and Saturday at 9").check()
    page.get_by_role("checkbox", name="Select Opening hours").check()
    page.locator("[data-bulk]").get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("heading", name="Cancel 2 selected?").wait_for()
    page.get_by_role("button", name="Cancel 2").click()

    page.get_by_text("Cancelled for 4 recipients.").wait_for()
    assert not Recipient.objects.filter(status__in=["queued", "deferred"]).exists()


def test_the_inbox_is_read_with_the_keys_of_mail_programs(browse: Browsing) -> None:
    at = desk()
    filled(at)
    page = browse(at)
    page.goto(reverse("sandbox-inbox"))
    shown = page.locator("#reading h2")

    expect(page.locator(".sbx-mail.unread")).to_have_count(4)
    page.keyboard.press("j")
    expect(shown).to_have_text("Your order 1202 at the shop")
    page.keyboard.press("j")
    expect(shown).to_have_text("Your order 1201 at the shop")
    page.keyboard.press("k")
    expect(shown).to_have_text("Your order 1202 at the shop")
    expect(page.locator(".sbx-mail.unread")).to_have_count(2)
    expect(page.locator("#sandbox-count")).to_contain_text("2 unread")
    page.keyboard.press("u")
    expect(page.locator("#sandbox-count")).to_contain_text("3 unread")
    kept(handed_in(at, "late@mail.example", subject="Just now", html=HTML))
    page.get_by_role("link", name="1 new").click()
    expect(shown).to_have_text("Just now")
    page.get_by_role("button", name="Clear all").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".sbx-mail")).to_have_count(5)


def test_on_a_phone_the_mail_takes_the_place_of_the_list(browse: Browsing) -> None:
    at = desk()
    filled(at)
    page = browse(at, 390)
    page.goto(reverse("sandbox-inbox"))

    page.get_by_role("link", name="reader1@mail.example").click()
    page.locator("#reading h2", has_text="Your order 1201").wait_for()
    expect(page.locator("#sandbox-mails")).to_be_hidden()
    expect(page.get_by_role("button", name="Clear all")).to_be_hidden()
    page.get_by_role("link", name="All mails").click()

    expect(page.get_by_role("link", name="reader1@mail.example")).to_be_visible()


def test_reading_on_in_the_inbox_swaps_the_pane_and_runs_nothing(browse: Browsing) -> None:
    at = desk()
    filled(at)
    page = browse(at)
    page.goto(reverse("sandbox-inbox"))

    page.get_by_role("link", name="reader1@mail.example").click()
    page.locator("#reading h2", has_text="Your order 1201").wait_for()
    assert page.locator("#sandbox-mails [aria-current]").inner_text().startswith("reader1@mail.example")
    frame = page.frame_locator("#reading iframe")
    frame.get_by_role("heading", name="Hello").wait_for()
    page.get_by_role("link", name="Links").click()
    page.get_by_role("link", name="https://shop.example/rye").wait_for()

    assert "/sandbox/rcp_" in page.url
