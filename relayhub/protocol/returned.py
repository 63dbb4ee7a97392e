"""Mail that came back: reports, failure notices, complaints and auto-replies, as events.

`read_returned` takes any bytes, never raises and is bounded in time. Mail that is none of these gives no
events. The address an event names is what the sender of the report wrote: whoever has a signed return path
trusts that instead. Anyone can write such a mail, so nothing here suppresses anything; it says what a genuine
one would mean. RFC 3464, RFC 5965, RFC 3834, RFC 6533.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from relayhub.protocol import arf, bounce_text, dsn
from relayhub.protocol import returned_marks as marks
from relayhub.protocol.bounce_rules import Category
from relayhub.protocol.classify import BounceClass, Classification, classify, without_label
from relayhub.protocol.dsn import DsnAction, RecipientStatus
from relayhub.protocol.mime_tree import Part, read
from relayhub.protocol.wording import gettext_noop as _

_SPAM = _("The person called the message spam.")
_NEVER_AGAIN = _("Do not write to this address again.")
_NOT_AUTHENTIC = _("A receiver reports mail in our name that failed authentication; no person complained.")
_DNS = _("Open the domain's page: it shows the record that is missing or wrong.")
_ARRIVED = _("The receiver says the message arrived.")
_MACHINE = _("A machine answered for the person.")
_NOTHING = _("Nothing to do.")
_UNSAID = _("The notice does not say why.")
_READ = _("Read the notice.")
#: What is said of mail that came back, beside the sentences of `classify`.
SENTENCES = (
    _SPAM, _NEVER_AGAIN, _NOT_AUTHENTIC, _DNS, _ARRIVED, _MACHINE, _NOTHING, _UNSAID, _READ,
)
MAX_REPLY_TEXT = 500

_JSON = json.JSONDecoder()


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnedEvent:
    """What a report says of one recipient."""

    recipient: str | None
    bounce_class: BounceClass
    category: Category
    status: str | None = None
    code: int | None = None
    #: The other server's words.
    reply: str = ""
    suppress: bool = False
    #: False for a notice of delay: the server still tries.
    is_final: bool = True
    why: str = ""
    remedy: str = ""
    rule: str = ""

    @property
    def is_complaint(self) -> bool:
        """A person complained; a report of failed authentication is feedback too, yet nobody did."""
        return self.bounce_class is BounceClass.COMPLAINT and self.suppress


def read_returned(raw: bytes) -> tuple[ReturnedEvent, ...]:
    """The events of a mail that came back; () if it is none."""
    mail = read(raw)
    complaints = _complaints(mail)
    if complaints is not None:
        return complaints
    events = _from_status_report(mail) or _from_ses(mail)
    if events:
        return events
    if _is_auto_reply(mail):
        return (_auto_reply(mail),)
    return _from_notice(mail)


def _complaints(mail: Part) -> tuple[ReturnedEvent, ...] | None:
    """Events of a feedback report; None if the mail is not one."""
    is_report = mail.parameters.get("report-type", "").lower() == "feedback-report"
    part = next(
        (
            part for part in mail.walk()
            if part.kind == "message/feedback-report"
            or (is_report and not part.children and marks.FEEDBACK_FIELD.search(part.text[:2000]))
        ),
        None,
    )
    if part is None:
        return _complaint_without_report(mail)
    report = arf.parse(part.text)
    if report.kind is arf.FeedbackKind.NOT_SPAM:
        return ()
    recipients = list(report.recipients) or _returned_recipients(mail)[:1]
    if not report.is_complaint:
        return tuple(_failure_report(address) for address in recipients) or (_failure_report(None),)
    return tuple(_complaint(address) for address in recipients) or (_complaint(None),)


def _complaint_without_report(mail: Part) -> tuple[ReturnedEvent, ...] | None:
    """Microsoft's junk mail reporting sends the mail itself, marked by one field."""
    marked = next((part for part in mail.walk() if part.first("x-hmxmroriginalrecipient")), None)
    if marked is None:
        return None
    return (_complaint(marked.first("x-hmxmroriginalrecipient").strip("<> ")),)


def _complaint(address: str | None) -> ReturnedEvent:
    return ReturnedEvent(
        recipient=address, bounce_class=BounceClass.COMPLAINT, category=Category.REPUTATION, suppress=True,
        why=_SPAM, remedy=_NEVER_AGAIN,
        rule="complaint",
    )


def _failure_report(address: str | None) -> ReturnedEvent:
    """Mail under our name that failed DMARC: feedback, yet nobody complained, so nobody is suppressed."""
    return ReturnedEvent(
        recipient=address, bounce_class=BounceClass.COMPLAINT, category=Category.POLICY, suppress=False,
        why=_NOT_AUTHENTIC,
        remedy=_DNS, rule="auth_failure",
    )


def _returned_recipients(mail: Part) -> list[str]:
    """To whom the returned mail went, by its own header."""
    for part in _copies(mail):
        found = [match[0] for name in ("x-apparently-to", "delivered-to", "to") for value in part.all(name)
                 if (match := marks.ADDRESS.search(value))]
        if found:
            return found
    return []


def _copies(mail: Part) -> Iterator[Part]:
    """Parts that hold the returned mail or its header."""
    for part in mail.walk():
        if part.kind in {"message/rfc822", "message/global"}:
            yield from part.children
        elif part.kind in {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}:
            yield read(part.body)


def _texts(mail: Part, *, depth: int = 0) -> Iterator[str]:
    """The texts for people, outside the returned mail; HTML without its tags."""
    if mail.kind in {"message/rfc822", "message/global", "text/rfc822-headers"}:
        return
    if mail.children:
        for child in mail.children:
            yield from _texts(child, depth=depth + 1)
    elif mail.kind == "text/html":
        yield re.sub(r"[ \t]*<(?:br|/p|/div|/tr|/td|/h\d)[^<>]{0,200}>", "\n", mail.text, flags=re.IGNORECASE)
    elif mail.kind.startswith("text/") or mail.kind.startswith("multipart/"):
        yield mail.text


def _notice(mail: Part) -> str:
    """What the notice says; plain text before HTML."""
    texts = list(_texts(mail))
    whole = "\n".join(texts)
    notice = bounce_text.notice_of(whole)
    return _without_tags(notice) if "<html" in whole[:4000].lower() or "</" in notice else notice


def _without_tags(text: str) -> str:
    text = marks.HIDDEN.sub(" ", text)
    text = marks.TAG.sub(" ", text)
    return html.unescape(text)


# ---- reports of RFC 3464 ----


def _from_status_report(mail: Part) -> tuple[ReturnedEvent, ...]:
    text = _status_text(mail)
    if not text:
        return ()
    notice = ""
    events = []
    recipients = dsn.parse(text).recipients
    for status in recipients:
        if not notice:
            notice = _notice(mail)
        event = _report_event(mail, status, notice, is_only=len(recipients) == 1)
        if event is not None:
            events.append(event)
    return _without_repeats(events)


def _status_text(mail: Part) -> str:
    """The machine part, wherever a server put it."""
    for part in mail.walk():
        if part.kind in marks.STATUS_KINDS and marks.STATUS_FIELD.search(part.text):
            return part.text
    for text in _texts(mail):
        notice = bounce_text.notice_of(text)
        begin = marks.STATUS_BEGIN.search(notice)
        if begin is not None and marks.FINAL_FIELD.search(notice) and marks.OUTCOME_FIELD.search(notice):
            return notice[begin.start() :]
    return ""


def _report_event(mail: Part, status: RecipientStatus, notice: str, *, is_only: bool) -> ReturnedEvent | None:
    recipient = status.recipient or _failed_by_header(mail) or next(iter(_returned_recipients(mail)), "")
    words = _words_about(notice, recipient, is_only=is_only)
    arrived = {DsnAction.DELIVERED, DsnAction.RELAYED, DsnAction.EXPANDED}
    if status.action in arrived or status.status.startswith("2."):
        return _delivered(recipient, status.status)
    code, enhanced, said = _report_codes(status, words)
    if status.action is DsnAction.EXPIRED:
        enhanced, said = enhanced or "4.4.7", f"{said} (delivery time expired)"
    is_delayed = status.action is DsnAction.DELAYED
    if is_delayed and not enhanced.startswith("4."):
        enhanced = "4" + enhanced[1:] if enhanced else "4.0.0"
    meaning = _meaning(code, enhanced or "5.0.0", said, words)
    reply = said or words
    return _event(recipient, meaning, code=code, enhanced=enhanced, reply=reply, is_final=not is_delayed)


def _report_codes(status: RecipientStatus, words: str) -> tuple[int, str, str]:
    """Basic code, enhanced code and words: those the other server said before those of the report."""
    said = status.diagnostic
    if status.diagnostic_type == "x-unix":
        exit_code = re.match(r"\d{2}\b", said)
        return 0, status.status or (marks.EXIT_CODES.get(exit_code[0], "") if exit_code else ""), said
    code, enhanced = codes_in(said)
    if not said:
        code, enhanced = codes_in(words)
    if status.status and (not enhanced or enhanced.endswith(".0.0")):
        enhanced = status.status if not status.status.endswith(".0.0") or not enhanced else enhanced
    if status.status.startswith("4.") and enhanced.startswith("5."):
        enhanced = "4" + enhanced[1:]
    return code, enhanced, said


def codes_in(text: str) -> tuple[int, str]:
    """The basic and enhanced code that a text holds; 0 and "" where it holds none."""
    text = without_label(text)
    pair = marks.CODES.search(text)
    if pair is not None:
        return int(pair[1]), pair[2]
    basic, enhanced = marks.BASIC.search(text), marks.ENHANCED.search(text)
    return (int(basic[1]) if basic else 0), (enhanced[1] if enhanced else "")


def _meaning(code: int, enhanced: str, said: str, words: str) -> Classification:
    """By the other server's words; by the notice's own where those say too little."""
    phase = "mail" if marks.EARLY_COMMAND.search(f"{said} {words}"[:4000]) else "dsn"
    found = classify(code=code, enhanced=enhanced, text=said, phase=phase)
    if (said and found.rule not in marks.WEAK_RULES) or not words:
        return found
    by_words = classify(code=code, enhanced=enhanced, text=f"{said} {words}", phase=phase)
    return found if by_words.rule in marks.WEAK_RULES and said else by_words


def _words_about(notice: str, recipient: str, *, is_only: bool) -> str:
    """What the notice says of one recipient, from where it names it."""
    if not recipient:
        return notice if is_only else ""
    place = notice.lower().find(recipient.lower())
    if place < 0:
        return notice[: bounce_text.MAX_CHUNK] if is_only else ""
    chunk = notice[place : place + bounce_text.MAX_CHUNK]
    if not is_only:
        other = re.search(r"\n\s*\n|\n\s*<?[^\s<>@]+@", chunk)
        chunk = chunk[: other.start()] if other else chunk
    return chunk


def _failed_by_header(mail: Part) -> str:
    return next(iter(_header_failures(mail)), "")


def _header_failures(mail: Part) -> list[str]:
    """Addresses in fields that Exim, Google and others add."""
    found: list[str] = []
    for name in ("x-failed-recipients", "x-failed-recipient"):
        for value in mail.all(name):
            found += [match[0] for match in marks.ADDRESS.finditer(value[:8000])]
    return found


def _delivered(recipient: str, status: str) -> ReturnedEvent:
    return ReturnedEvent(
        recipient=recipient or None, bounce_class=BounceClass.DELIVERED, category=Category.RECIPIENT,
        status=status or None, why=_ARRIVED, rule="delivered",
    )


def _event(
    recipient: str, meaning: Classification, *, code: int, enhanced: str, reply: str, is_final: bool = True
) -> ReturnedEvent:
    return ReturnedEvent(
        recipient=recipient or None, bounce_class=meaning.bounce_class, category=meaning.category,
        status=enhanced or None, code=code or None, reply=" ".join(reply.split())[:MAX_REPLY_TEXT],
        suppress=meaning.suppress and is_final, is_final=is_final, why=meaning.why, remedy=meaning.remedy,
        rule=meaning.rule,
    )


def _without_repeats(events: Sequence[ReturnedEvent]) -> tuple[ReturnedEvent, ...]:
    """One event a recipient; the last word of a server counts."""
    return tuple({(event.recipient or "").lower(): event for event in events}.values())


# ---- Amazon's notices, which are JSON in a mail ----


def _from_ses(mail: Part) -> tuple[ReturnedEvent, ...]:
    for text in _texts(mail):
        start = text.find("{")
        if start < 0 or "notificationType" not in text:
            continue
        try:
            # Servers cut long lines with "!" and a line break.
            found, _ = _JSON.raw_decode(text.replace("!\n ", "").replace("\n", " "), start)
            if isinstance(found.get("Message"), str):
                found = json.loads(found["Message"])
            return tuple(_ses_events(found))
        except (ValueError, RecursionError, AttributeError, TypeError):
            return ()
    return ()


def _ses_events(notice: dict[str, object]) -> Iterator[ReturnedEvent]:
    kind = notice.get("notificationType")
    if kind == "Complaint":
        for person in _people(notice, "complaint", "complainedRecipients"):
            yield _complaint(str(person.get("emailAddress", "")) or None)
    elif kind == "Delivery":
        delivery = notice.get("delivery")
        if isinstance(delivery, dict):
            status = codes_in(str(delivery.get("smtpResponse", "")))[1]
            yield from (_delivered(str(address), status) for address in delivery.get("recipients", ()))
    elif kind == "Bounce":
        for person in _people(notice, "bounce", "bouncedRecipients"):
            said = re.sub(r"^smtp;\s*", "", str(person.get("diagnosticCode", "")))
            code, enhanced = codes_in(said)
            enhanced = enhanced or str(person.get("status", ""))
            meaning = _meaning(code, enhanced or "5.0.0", said, "")
            address = str(person.get("emailAddress", ""))
            yield _event(address, meaning, code=code, enhanced=enhanced, reply=said)


def _people(notice: dict[str, object], name: str, key: str) -> list[dict[str, object]]:
    inner = notice.get(name)
    people = inner.get(key) if isinstance(inner, dict) else None
    return [person for person in people if isinstance(person, dict)] if isinstance(people, list) else []


# ---- auto-replies ----


def _is_auto_reply(mail: Part) -> bool:
    """An answer that no person wrote, and no failure notice (RFC 3834 §2)."""
    if _header_failures(mail):
        return False
    submitted = mail.first("auto-submitted").strip().lower()
    is_answer = bool(mail.first("in-reply-to") or mail.first("references"))
    is_marked = (
        submitted.startswith(("auto-replied", "auto-notified"))
        or (is_answer and submitted.startswith("auto-generated"))
        or any(mail.first(name) for name in marks.AUTO_FIELDS)
        or mail.first("x-apple-action").upper() == "VACATION"
        or mail.first("precedence").strip().lower() in {"auto_reply", "auto-reply"}
        or (is_answer and mail.first("x-auto-response-suppress").strip().lower() not in {"", "none"})
    )
    subject = mail.first("subject")
    if marks.AUTO_SUBJECT.match(subject) and not marks.NOTICE_SENDER.search(mail.first("from")):
        return True
    if marks.NOTICE_SUBJECT.search(subject) or marks.NOTICE_SENDER.search(mail.first("from")):
        return False
    return is_marked and not marks.NOTICE_BODY.search(_notice(mail)[:4000])


def _auto_reply(mail: Part) -> ReturnedEvent:
    sender = marks.ADDRESS.search(mail.first("from"))
    return ReturnedEvent(
        recipient=sender[0] if sender else None, bounce_class=BounceClass.AUTOREPLY,
        category=Category.RECIPIENT, reply=" ".join(mail.first("subject").split())[:MAX_REPLY_TEXT],
        why=_MACHINE, remedy=_NOTHING, rule="autoreply",
    )


# ---- notices in other words ----


def _from_notice(mail: Part) -> tuple[ReturnedEvent, ...]:
    notice = _notice(mail)
    if not _is_notice(mail, notice):
        return ()
    found = bounce_text.mentions(notice, known=_header_failures(mail), excluded=_own_addresses(mail))
    if not found:
        copied = _copied_recipients(mail)[:1]
        found = [bounce_text.Mention(address=address, words=[notice]) for address in copied]
    return _without_repeats([_notice_event(mention.address, mention.text, notice) for mention in found])


def _is_notice(mail: Part, notice: str) -> bool:
    """A failure notice by two of: its sender, its subject, its words."""
    signs = (
        bool(marks.NOTICE_SENDER.search(mail.first("from")))
        or mail.first("return-path").strip() in {"<>", "<MAILER-DAEMON>"},
        bool(marks.NOTICE_SUBJECT.search(mail.first("subject"))),
        bool(marks.NOTICE_BODY.search(notice)) or bool(_header_failures(mail)),
    )
    return sum(signs) >= 2


def _own_addresses(mail: Part) -> set[str]:
    """The readers of the notice and its writer."""
    own: set[str] = set()
    for name in ("to", "from", "delivered-to", "envelope-to", "sender", "reply-to", "x-envelope-to"):
        for value in mail.all(name):
            own |= {match[0].lower() for match in marks.ADDRESS.finditer(value[:4000])}
    return own


def _copied_recipients(mail: Part) -> list[str]:
    found = _returned_recipients(mail)
    for text in () if found else _texts(mail):
        copied = re.search(r"(?im)^to[ \t]*:(.*)$", bounce_text.copy_of(text))
        match = marks.ADDRESS.search(copied[1]) if copied else None
        if match is not None:
            return [match[0]]
    return found


def _notice_event(address: str, words: str, notice: str) -> ReturnedEvent:
    said, chunk = _own_words(words, address)
    code, enhanced = next((found for text in (said, chunk, words) if any(found := codes_in(text))), (0, ""))
    is_delayed = bool(marks.STILL_TRYING.search(notice))
    if is_delayed and not enhanced.startswith("4."):
        assumed = "4" + enhanced[1:] if enhanced else "4.0.0"
        said = f"{said} (delivery delayed)"
    else:
        assumed = enhanced or ("" if code else "5.0.0")
    meaning = min((_meaning(code, assumed, text, "") for text in (said, chunk, words)), key=_vagueness)
    if meaning.rule in marks.UNLISTED and not code and not enhanced:
        return _unexplained(address, words)
    return _event(address, meaning, code=code, enhanced=enhanced, reply=said, is_final=not is_delayed)


def _unexplained(address: str, words: str) -> ReturnedEvent:
    return ReturnedEvent(
        recipient=address or None, bounce_class=BounceClass.UNKNOWN, category=Category.POLICY,
        reply=" ".join(words.split())[:MAX_REPLY_TEXT], why=_UNSAID,
        remedy=_READ, rule="unknown",
    )


def _vagueness(meaning: Classification) -> int:
    return (meaning.rule in marks.WEAK_RULES) + (meaning.rule in marks.UNLISTED)


def _own_words(words: str, address: str) -> tuple[str, str]:
    """The other server's words about an address, and all from where the notice names the address."""
    place = words.lower().find(address.lower()) if address else -1
    chunk = marks.BOILERPLATE.sub(" ", words[max(place, 0) :])
    if address:
        chunk = re.sub(re.escape(address), " ", chunk, flags=re.IGNORECASE)
    code = marks.CODES.search(chunk) or marks.BASIC.search(chunk)
    said = chunk[code.start() :] if code else chunk
    if code and chunk[: code.start()].endswith("["):
        said = said.partition("]")[0]
    return re.split(r"\n[ \t]*\n", said.strip(), maxsplit=1)[0][: MAX_REPLY_TEXT * 2], chunk
