"""The kinds of `judge`: one function each, from a line's object to the answer's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from relayhub.judge.reading import JudgeError, Line, instant, mail, number, text, zone
from relayhub.protocol import dkim_verify
from relayhub.protocol.address import AddressError, is_role, normalise, parse_addr_spec
from relayhub.protocol.address_advice import is_disposable, suggestion_for
from relayhub.protocol.classify import classify
from relayhub.protocol.providers import site_of
from relayhub.protocol.reply import EnhancedCode
from relayhub.protocol.returned import ReturnedEvent, read_returned

Answer = Mapping[str, Any]


def judge_bounce(line: Line) -> Answer:
    """What a mail that came back says."""
    return {"events": [_event(event) for event in read_returned(mail(line))]}


def _event(event: ReturnedEvent) -> Answer:
    return {
        "recipient": event.recipient, "class": event.bounce_class.value, "category": event.category.value,
        "status": event.status, "reply": event.reply, "suppress": event.suppress, "why": event.why,
    }


def judge_reply(line: Line) -> Answer:
    """What an SMTP reply means."""
    enhanced = text(line, "enhanced", default="")
    if enhanced and EnhancedCode.parse(enhanced) is None:
        raise JudgeError('"enhanced" must look like "5.1.1", or be null.')
    found = classify(
        code=number(line, "code"), enhanced=enhanced or None, text=text(line, "text", default=""),
        phase=text(line, "phase", default=""), provider=text(line, "provider", default="") or None,
    )
    return {
        "class": found.bounce_class.value, "category": found.category.value, "suppress": found.suppress,
        "action": found.action.value, "why": found.why, "remedy": found.remedy,
    }


def judge_address(line: Line) -> Answer:
    """Whether an address can be one, and what is odd about it."""
    given = text(line, "address").strip()
    suggestion = suggestion_for(given)
    try:
        address = parse_addr_spec(given)
        key = normalise(address)
    except AddressError as exc:
        return {
            "valid": False, "normalised": None, "why": exc.message, "role": False, "disposable": False,
            "suggestion": suggestion,
        }
    role, disposable = is_role(address), is_disposable(address)
    return {
        "valid": True, "normalised": key, "why": _why(role, disposable, suggestion), "role": role,
        "disposable": disposable, "suggestion": suggestion,
    }


def _why(role: bool, disposable: bool, suggestion: str | None) -> str:
    notes = []
    if role:
        notes.append("It names an office, not a person.")
    if disposable:
        notes.append("Its domain gives out throw-away mailboxes.")
    if suggestion:
        notes.append(f"Perhaps {suggestion} was meant.")
    return " ".join(notes) or "It is well-formed."


def judge_provider(line: Line) -> Answer:
    """Who takes a domain's mail, by its MX hosts."""
    domain = text(line, "domain").strip().rstrip(".").lower()
    if not domain:
        raise JudgeError('"domain" is empty.')
    guess = site_of(domain, _mx_hosts(line.get("mx", [])))
    return {"provider": guess.provider or None, "site": guess.site}


def _mx_hosts(value: object) -> list[str]:
    """Hosts in order; `[10, "host"]` is sorted by preference, plain names stay as they are."""
    if not isinstance(value, list):
        raise JudgeError('"mx" must be a list of hosts.')
    pairs: list[tuple[int, str]] = []
    for item in value:
        preference, host = item if isinstance(item, list) and len(item) == 2 else (0, item)
        if not isinstance(host, str) or isinstance(preference, bool) or not isinstance(preference, int):
            raise JudgeError('"mx" must be a list of hosts, or of [preference, host].')
        pairs.append((preference, host.strip().rstrip(".").lower()))
    return [host for _, host in sorted(pairs, key=lambda pair: pair[0])]


def judge_dkim(line: Line) -> Answer:
    """Every DKIM signature of a mail, checked against the zone given."""
    results = dkim_verify.verify(mail(line), zone(line), now=instant(line, "now"))
    return {
        "signatures": [
            {
                "domain": found.domain, "selector": found.selector, "result": found.result.value,
                "why": found.why,
            }
            for found in results
        ]
    }


def _absent(kind: str) -> Callable[[Line], Answer]:
    def judge(line: Line) -> Answer:
        raise JudgeError(f"judge {kind} is not there yet.")

    return judge


KINDS: dict[str, Callable[[Line], Answer]] = {
    "bounce": judge_bounce, "reply": judge_reply, "address": judge_address, "provider": judge_provider,
    "dkim": judge_dkim, **{kind: _absent(kind) for kind in ("spf", "dmarc", "arc", "report")},
}


def answer_line(kind: str, line: bytes) -> Answer:
    """The answer to one line; JudgeError where it cannot be understood."""
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise JudgeError(f"The line is not JSON: {exc}.") from exc
    if not isinstance(given, dict):
        raise JudgeError("The line must be a JSON object.")
    return KINDS[kind](given)
