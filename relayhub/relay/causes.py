"""Why a recipient stands where it does, and what to do: one heading, a sentence or two, a short list.

Says what the receiver's reply means (protocol.classify) and never more than is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from relayhub.core.vocabulary import status_look
from relayhub.protocol.classify import BounceClass, Classification, classify
from relayhub.relay.events import HOLD_DOMAIN, HOLD_PERSON, HOLDS_FOR_DOMAIN
from relayhub.relay.models import Attempt, Recipient, RecipientStatus
from relayhub.relay.retold import retold


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
    "rate": _("we send faster than the receiver takes it"), "too_big": _("the message is too large"),
    "mailbox_full": _("the mailbox is full"), "expired": _("a host on the way kept it too long"),
    "authentication": _("the receiver does not find the mail authentic"),
    "reverse_dns": _("our address has no matching name in DNS"),
    "block_listed": _("our address or domain stands on a block list"), "spam": _("the receiver takes it for spam"),
    "sender": _("the receiver refuses the sender’s address"),
    "greylisted": _("the receiver puts unknown senders off once"),
    "relay_denied": _("the receiving host does not know the domain"),
    "recipient_choice": _("the recipient takes no mail from this sender"),
    "suspended": _("the mailbox is closed for the time being"),
    "loop": _("the receiver’s servers send it in a circle"), "network": _("the way to the receiver is disturbed"),
    "disabled": _("the mailbox was closed"), "no_domain": _("the domain takes no mail"),
    "no_mailbox": _("nobody has this address"), "no_mailbox_at_edge": _("nobody has this address"),
    "system": _("a fault at the receiver"), "load": _("the receiver is busy"),
}
_CATEGORY_TITLES = {
    "recipient": _("the address"), "policy": _("a rule of the receiver"),
    "reputation": _("our standing with the receiver"),
    "capacity": _("room or load at the receiver"), "configuration": _("a fault in the set-up"),
    "network": _("the connection"), "content": _("the message itself"),
}
_CATEGORY_STEPS = {
    "recipient": _("Check how the address is spelled, and ask the person another way."),
    "policy": _("Read the receiver’s words below: they say which rule it is. Often SPF, DKIM or DMARC is meant."),
    "reputation": _(
        "Send less for a while, to people who asked for it; look at complaints and bounces of this stream."
    ),
    "capacity": _("Nothing at once: boxes are emptied and loads pass."),
    "configuration": _("Check the route and the DNS records of the From domain."),
    "network": _("Nothing at once: it is tried again. If it lasts, check whether port 25 is open from this machine."),
    "content": _("Change what the receiver objects to: attachments, links or size."),
}


def reason_words(category: str) -> str:
    """What a kind of refusal lies at, in a few words: "the address", "room or load at the receiver"."""
    return str(_CATEGORY_TITLES.get(category, category))


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
    return retold(HOLD_DOMAIN if reason in HOLDS_FOR_DOMAIN else reason)


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
        title=str(_RULE_TITLES.get(found.rule if found else "", "") or _CATEGORY_TITLES.get(category, "")),
        why=retold(str(detail.get("why") or detail.get("message") or (found.why if found else ""))),
        remedy=retold(str(detail.get("remedy") or (found.remedy if found else "")))
        or str(_CATEGORY_STEPS.get(category, "")),
        category=category,
        is_hard=recipient.bounce_class == BounceClass.HARD or (
            not recipient.bounce_class and found is not None and found.bounce_class is BounceClass.HARD
        ),
    )


def _likely(what: str) -> str:
    return gettext("Likely cause: %(what)s") % {"what": what}


def _bounced(recipient: Recipient, last: Attempt | None) -> Cause:
    said = _said(recipient, last)
    if said.is_hard and said.category in ("", "recipient"):
        steps = (
            gettext(
                "The address is on the suppression list now: nothing more is sent to it, which protects your name."
            ),
            gettext("If the person says that it works again, lift the suppression and send once more."),
        )
        return Cause(status="bounced", title=_likely(said.title or gettext("nobody has this address")),
                     text=said.why or gettext("The receiver says that there is no such mailbox."), steps=steps,
                     page="suppression-list", label=gettext("See the suppression"))
    return Cause(
        status="bounced", title=_likely(said.title or gettext("the receiver refused it")),
        text=said.why or gettext("The receiver refused it for good."),
        steps=(said.remedy or gettext("Read the receiver’s words below."),
               gettext("It is not tried again by itself. Once the cause is gone, send it again.")),
    )


def _deferred(recipient: Recipient, last: Attempt | None, waiting_for: str) -> Cause:
    said = _said(recipient, last)
    steps = [said.remedy or gettext("Nothing to do: it is tried again.")]
    if waiting_for:
        steps.append(gettext("The next try waits too: %(what)s.") % {"what": waiting_for})
    return Cause(
        status="deferred", title=_likely(said.title or gettext("the receiver put it off")),
        text=said.why or gettext("The receiver refused it for now."), steps=tuple(steps), page="live",
        label=gettext("See its lane"),
    )


def _queued(waiting_for: str) -> Cause | None:
    if not waiting_for:
        return None
    return Cause(status="queued", title=gettext("It waits for its turn"),
                 text=gettext("What keeps it back: %(what)s.") % {"what": waiting_for}, page="live",
                 label=gettext("See its lane"))


def _held(recipient: Recipient) -> Cause:
    reason = recipient.hold_reason
    if reason in HOLDS_FOR_DOMAIN:
        return Cause(
            status="held", title=gettext("Held: the From domain is not verified"),
            text=gettext(
                "Mail of a domain whose DNS records are not right is refused or put into junk, so it stays here."
            ),
            steps=(gettext("Put the DNS records right; the mail is let go by itself once they are found."),),
            page="domain-list", label=gettext("Domains"),
        )
    if reason == HOLD_PERSON:
        return Cause(status="held", title=gettext("Held by a person"),
                     text=gettext("It goes out when somebody releases it."),
                     steps=(gettext("Release it, or cancel it."),))
    return Cause(status="held", title=status_look("held").word,
                 text=retold(reason) or gettext("It goes out when somebody releases it."),
                 steps=(gettext("Release it once the reason is gone, or cancel it."),))


def _suppressed(recipient: Recipient) -> Cause:
    return Cause(
        status="suppressed", title=gettext("Not sent: the address is on the suppression list"),
        text=gettext("It bounced, complained or left before, or somebody put it there."),
        steps=(
            gettext(
                "Leave it so, unless the person asks for your mail again: then lift the suppression with the reason."
            ),
        ),
        page="suppression-list", label=gettext("Why it is there"),
    )


def _expired(recipient: Recipient) -> Cause:
    if recipient.attempts == 1:
        text = gettext("It was tried once and the receiver never took it.")
    elif recipient.attempts:
        text = ngettext(
            "It was tried %(count)s time and the receiver never took it.",
            "It was tried %(count)s times and the receiver never took it.", recipient.attempts,
        ) % {"count": recipient.attempts}
    else:
        text = gettext("It was never tried before its time was over.")
    return Cause(
        status="expired", title=gettext("Given up: its time in the queue is over"), text=text,
        steps=(gettext("Read the last answer below. Once the cause is gone, send it again."),),
    )


def _unknown(recipient: Recipient) -> Cause:
    return Cause(
        status="unknown", title=gettext("Nobody can tell whether it arrived"),
        text=gettext(
            "A worker ended, or the connection broke, after the message was handed over and before the answer came."
        ),
        steps=(gettext("Release it to send it once more: the person may get it twice."),
               gettext("Or leave it: a bounce or an open may still settle it.")),
    )


def _quarantined(recipient: Recipient) -> Cause:
    return Cause(
        status="quarantined", title=gettext("Set aside: it stopped a worker three times"),
        text=gettext("It is not tried again by itself, so that it cannot stop the others."),
        steps=(gettext("Look at its source for something unusual; report it."),
               gettext("Release it to try again, or cancel it.")),
    )


_HANDLED = {
    RecipientStatus.HELD: _held, RecipientStatus.SUPPRESSED: _suppressed, RecipientStatus.EXPIRED: _expired,
    RecipientStatus.UNKNOWN: _unknown, RecipientStatus.QUARANTINED: _quarantined,
}
