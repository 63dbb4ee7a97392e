"""Why a recipient stands where it does, and what to do: one heading, a sentence or two, a short list.

Says what the receiver's reply means (protocol.classify) and never more than is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from relayhub.protocol.classify import BounceClass, Classification, classify
from relayhub.relay.events import HOLD_DOMAIN, HOLD_PERSON, HOLDS_FOR_DOMAIN
from relayhub.relay.models import Attempt, Recipient, RecipientStatus


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What to say above the timeline. `status` gives the icon and colour."""

    status: str
    title: str
    text: str
    steps: tuple[str, ...] = ()
    #: Looks up the answer's meaning elsewhere: page name and words of the link.
    page: str = ""
    label: str = ""


#: What a reply means (protocol.bounce_rules) in a few words, by the rule that knew it.
_RULE_TITLES = {
    "rate": "we send faster than the receiver takes it", "too_big": "the message is too large",
    "mailbox_full": "the mailbox is full", "expired": "a host on the way kept it too long",
    "authentication": "the receiver does not find the mail authentic",
    "reverse_dns": "our address has no matching name in DNS",
    "block_listed": "our address or domain stands on a block list", "spam": "the receiver takes it for spam",
    "sender": "the receiver refuses the sender’s address",
    "greylisted": "the receiver puts unknown senders off once",
    "relay_denied": "the receiving host does not know the domain",
    "recipient_choice": "the recipient takes no mail from this sender",
    "suspended": "the mailbox is closed for the time being",
    "loop": "the receiver’s servers send it in a circle", "network": "the way to the receiver is disturbed",
    "disabled": "the mailbox was closed", "no_domain": "the domain takes no mail",
    "no_mailbox": "nobody has this address", "no_mailbox_at_edge": "nobody has this address",
    "system": "a fault at the receiver", "load": "the receiver is busy",
}
_CATEGORY_TITLES = {
    "recipient": "the address", "policy": "a rule of the receiver", "reputation": "our standing with the receiver",
    "capacity": "room or load at the receiver", "configuration": "a fault in the set-up",
    "network": "the connection", "content": "the message itself",
}
_CATEGORY_STEPS = {
    "recipient": "Check how the address is spelled, and ask the person another way.",
    "policy": "Read the receiver’s words below: they say which rule it is. Often SPF, DKIM or DMARC is meant.",
    "reputation": "Send less for a while, to people who asked for it; look at complaints and bounces of this stream.",
    "capacity": "Nothing at once: boxes are emptied and loads pass.",
    "configuration": "Check the route and the DNS records of the From domain.",
    "network": "Nothing at once: it is tried again. If it lasts, check whether port 25 is open from this machine.",
    "content": "Change what the receiver objects to: attachments, links or size.",
}


def reason_words(category: str) -> str:
    """What a kind of refusal lies at, in a few words: "the address", "room or load at the receiver"."""
    return _CATEGORY_TITLES.get(category, category)


def cause_of(recipient: Recipient, last: Attempt | None, *, waiting_for: str = "") -> Cause | None:
    """What there is to say; None where nothing needs saying. `waiting_for`: what keeps its lane back."""
    status = RecipientStatus(recipient.status)
    if status == RecipientStatus.BOUNCED:
        return _bounced(recipient, last)
    if status == RecipientStatus.DEFERRED:
        return _deferred(recipient, last, waiting_for)
    if status == RecipientStatus.QUEUED:
        return _queued(waiting_for)
    return _HANDLED[status](recipient) if status in _HANDLED else None


def meaning_of(reply: dict[str, Any] | None, *, phase: str = "", provider: str = "") -> Classification | None:
    """What a stored reply means; None without a reply."""
    if not reply or not isinstance(reply.get("code"), int) or not 200 <= reply["code"] < 600:
        return None
    return classify(
        code=reply["code"], enhanced=reply.get("enhanced") or None, text=str(reply.get("text") or ""), phase=phase,
        provider=provider or None,
    )


def hold_words(reason: str) -> str:
    """A reason to hold in words: the router writes codes."""
    return HOLD_DOMAIN if reason in HOLDS_FOR_DOMAIN else reason


@dataclass(frozen=True, kw_only=True)
class _Said:
    """The last answer: as it was judged then, else as we read it now."""

    title: str
    why: str
    remedy: str
    category: str
    is_hard: bool


def _said(recipient: Recipient, last: Attempt | None) -> _Said:
    detail = last.detail if last is not None and isinstance(last.detail, dict) else {}
    found = meaning_of(recipient.reply, phase=last.phase if last else "", provider=recipient.provider)
    category = recipient.bounce_category or (last.bounce_category if last else "")
    category = category or (str(found.category) if found else "network" if last is not None else "")
    return _Said(
        title=_RULE_TITLES.get(found.rule if found else "", "") or _CATEGORY_TITLES.get(category, ""),
        why=str(detail.get("why") or detail.get("message") or (found.why if found else "")),
        remedy=str(detail.get("remedy") or (found.remedy if found else "")) or _CATEGORY_STEPS.get(category, ""),
        category=category,
        is_hard=recipient.bounce_class == BounceClass.HARD or (
            not recipient.bounce_class and found is not None and found.bounce_class is BounceClass.HARD
        ),
    )


def _bounced(recipient: Recipient, last: Attempt | None) -> Cause:
    said = _said(recipient, last)
    if said.is_hard and said.category in ("", "recipient"):
        steps = ("The address is on the suppression list now: nothing more is sent to it, which protects your name.",
                 "If the person says that it works again, lift the suppression and send once more.")
        return Cause(status="bounced", title=f"Likely cause: {said.title or 'nobody has this address'}",
                     text=said.why or "The receiver says that there is no such mailbox.", steps=steps,
                     page="suppression-list", label="See the suppression")
    return Cause(
        status="bounced", title=f"Likely cause: {said.title or 'the receiver refused it'}",
        text=said.why or "The receiver refused it for good.",
        steps=(said.remedy or "Read the receiver’s words below.",
               "It is not tried again by itself. Once the cause is gone, send it again."),
    )


def _deferred(recipient: Recipient, last: Attempt | None, waiting_for: str) -> Cause:
    said = _said(recipient, last)
    steps = [said.remedy or "Nothing to do: it is tried again."]
    if waiting_for:
        steps.append(f"The next try waits too: {waiting_for}.")
    return Cause(
        status="deferred", title=f"Likely cause: {said.title or 'the receiver put it off'}",
        text=said.why or "The receiver refused it for now.", steps=tuple(steps), page="live", label="See its lane",
    )


def _queued(waiting_for: str) -> Cause | None:
    if not waiting_for:
        return None
    return Cause(status="queued", title="It waits for its turn", text=f"What keeps it back: {waiting_for}.",
                 page="live", label="See its lane")


def _held(recipient: Recipient) -> Cause:
    reason = recipient.hold_reason
    if reason in HOLDS_FOR_DOMAIN:
        return Cause(
            status="held", title="Held: the From domain is not verified",
            text="Mail of a domain whose DNS records are not right is refused or put into junk, so it stays here.",
            steps=("Put the DNS records right; the mail is let go by itself once they are found.",),
            page="domain-list", label="Domains",
        )
    if reason == HOLD_PERSON:
        return Cause(status="held", title="Held by a person", text="It goes out when somebody releases it.",
                     steps=("Release it, or cancel it.",))
    return Cause(status="held", title="Held", text=reason or "It goes out when somebody releases it.",
                 steps=("Release it once the reason is gone, or cancel it.",))


def _suppressed(recipient: Recipient) -> Cause:
    return Cause(
        status="suppressed", title="Not sent: the address is on the suppression list",
        text="It bounced, complained or left before, or somebody put it there.",
        steps=("Leave it so, unless the person asks for your mail again: then lift the suppression with the reason.",),
        page="suppression-list", label="Why it is there",
    )


def _expired(recipient: Recipient) -> Cause:
    tries = "once" if recipient.attempts == 1 else f"{recipient.attempts} times"
    return Cause(
        status="expired", title="Given up: its time in the queue is over",
        text=f"It was tried {tries} and the receiver never took it." if recipient.attempts
        else "It was never tried before its time was over.",
        steps=("Read the last answer below. Once the cause is gone, send it again.",),
    )


def _unknown(recipient: Recipient) -> Cause:
    return Cause(
        status="unknown", title="Nobody can tell whether it arrived",
        text="A worker ended, or the connection broke, after the message was handed over and before the answer came.",
        steps=("Release it to send it once more: the person may get it twice.",
               "Or leave it: a bounce or an open may still settle it."),
    )


def _quarantined(recipient: Recipient) -> Cause:
    return Cause(
        status="quarantined", title="Set aside: it stopped a worker three times",
        text="It is not tried again by itself, so that it cannot stop the others.",
        steps=("Look at its source for something unusual; report it.", "Release it to try again, or cancel it."),
    )


_HANDLED = {
    RecipientStatus.HELD: _held, RecipientStatus.SUPPRESSED: _suppressed, RecipientStatus.EXPIRED: _expired,
    RecipientStatus.UNKNOWN: _unknown, RecipientStatus.QUARANTINED: _quarantined,
}
