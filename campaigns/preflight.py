"""Look at a campaign before it is launched: what blocks, what a person should know, and the fix beside each.

Only what CONTRACT 4 names blocks; every other rule of the receivers warns. Each rule is a function that
yields findings; the order of RULES is the order people read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from math import ceil
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from campaigns import audience, templates
from campaigns.client_support import FOR_NOBODY, support_findings
from campaigns.fields import field_types
from campaigns.models import Campaign, TemplateVersion
from deliverability import domains
from relayhub.core import formats
from relayhub.core.address_faults import fault_told
from relayhub.core.errors import PrepareError
from relayhub.core.models import Workspace
from relayhub.protocol.address import AddressError, parse_mailbox
from relayhub.relay import broadcast_proof, compiled, queries, rendering, routes, template_words
from relayhub.relay.bulk import LIFETIME
from relayhub.relay.models import Stream, StreamKind

#: Gmail clips a message's HTML beyond this (as seen in the field, 2026).
GMAIL_CLIP_BYTES = 102 * 1024
#: Links of our starters that nobody pointed at a page of their own.
_PLACEHOLDER = re.compile(r"https?://(?:www\.)?example\.(?:com|net|org)(?=[/?#\s\"')\]<]|$)")
#: SENDER-RULES REP-5 and REP-6, as shares of finished recipients; looked at from MIN_SAMPLE on.
STOP_BOUNCED, WARN_BOUNCED = 0.10, 0.02
STOP_COMPLAINED, WARN_COMPLAINED = 0.003, 0.0008
MIN_SAMPLE = 200


class Level(StrEnum):
    """What a finding does."""

    BLOCK = "block"
    WARN = "warn"


@dataclass(frozen=True, kw_only=True)
class PreflightFinding:
    """One thing to know, and what to do."""

    rule: str
    severity: Level
    message: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """The whole answer."""

    findings: tuple[PreflightFinding, ...]
    audience: audience.Audience
    #: What would be sent; None while there is nothing.
    version: TemplateVersion | None = None
    #: Whether there is somebody to write to, from whom, and something to send: what no reason overrides.
    has_something: bool = False
    #: What was looked at and found right, in words.
    passed: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """`block`, `warn` or `pass`."""
        levels = {finding.severity for finding in self.findings}
        return next((level.value for level in Level if level in levels), "pass")

    @property
    def blocks(self) -> list[PreflightFinding]:
        """What keeps the campaign from being launched."""
        return [finding for finding in self.findings if finding.severity is Level.BLOCK]


@dataclass(kw_only=True)
class _Look:
    """What the rules look at, gathered once."""

    campaign: Campaign
    stream: Stream
    version: TemplateVersion | None
    audience: audience.Audience
    compiled: compiled.CompiledSource | None = None
    compile_problem: str = ""
    in_sandbox: bool = field(default=False)

    @property
    def content(self) -> templates.TemplateInput | None:
        """The published content."""
        return templates.content_of(self.version) if self.version else None

    @property
    def has_something(self) -> bool:
        """Whether anything could be sent to anybody."""
        try:
            parse_mailbox(self.campaign.from_header)
        except AddressError:
            return False
        return self.audience.reached > 0 and self.compiled is not None


def streams_of(workspace: Workspace) -> QuerySet[Stream]:
    """The streams that campaigns go out on, the default first."""
    return Stream.objects.filter(workspace=workspace, kind=StreamKind.BROADCAST).order_by("-is_default", "name")


def stream_for(campaign: Campaign) -> Stream:
    """The stream a campaign goes out on: the chosen one, or the default where none was or that one is gone."""
    rows = streams_of(campaign.workspace)
    chosen = rows.filter(pk=campaign.stream_id).first() if campaign.stream_id else None
    return chosen or rows.get(is_default=True)


def look(campaign: Campaign) -> Preflight:
    """Apply every rule to the campaign as it is set now."""
    stream = stream_for(campaign)
    version = templates.published(campaign.template) if campaign.template else None
    gathered = _Look(
        campaign=campaign, stream=stream, version=version, audience=audience.count_for(campaign, stream.pk),
        in_sandbox=routes.workspace_in_sandbox(campaign.workspace_id),
    )
    if gathered.content is not None:
        try:
            gathered.compiled = compiled.compile_source(
                templates.source_of(gathered.content, campaign.workspace, subject=campaign.subject),
                templates.footer_of(campaign.workspace), opens=False, clicks=False,
            )
        except PrepareError as exc:
            gathered.compile_problem = template_words.told(exc.message)
    findings: list[PreflightFinding] = []
    passed: list[str] = []
    for rule, claim in RULES.items():
        found = list(rule(gathered))
        findings += found
        if not found and claim and (gathered.compiled is not None or rule in _WITHOUT_CONTENT):
            passed.append(_(claim))
    findings.sort(key=lambda finding: finding.severity is Level.WARN)
    return Preflight(findings=tuple(findings), audience=gathered.audience, passed=tuple(passed), version=version,
                     has_something=gathered.has_something)


Findings = Iterator[PreflightFinding]


def _block(rule: str, message: str, fix: str) -> PreflightFinding:
    return PreflightFinding(rule=rule, severity=Level.BLOCK, message=message, fix=fix)


def _warn(rule: str, message: str, fix: str) -> PreflightFinding:
    return PreflightFinding(rule=rule, severity=Level.WARN, message=message, fix=fix)


def _sender(seen: _Look) -> Findings:
    header = seen.campaign.from_header
    if not header:
        yield _block("from", _("The campaign has no From address."), _("Choose one in the content step."))
        return
    try:
        domain = parse_mailbox(header).ascii_domain
    except AddressError as exc:
        yield _block("from", _("The From address cannot be used: %(why)s") % {"why": fault_told(exc.message)},
                     _("Write it as Name <user@domain>."))
        return
    state, named = domains.sending_state(seen.campaign.workspace_id, domain), {"domain": domain}
    if state == "verified":
        return
    if seen.in_sandbox and state == "unverified":
        yield _warn("from_verified", _("%(domain)s is not verified. In the sandbox that does no harm.") % named,
                    _("Verify %(domain)s before you go live.") % named)
        return
    words = _("%(domain)s is not verified, so receivers would not find the mail authentic.")
    if state == "broken":
        words = _("%(domain)s is broken, so receivers would not find the mail authentic.")
    yield _block("from_verified", words % named,
                 _("Open %(domain)s under Domains and publish what is missing.") % named)


def _audience(seen: _Look) -> Findings:
    if seen.audience.reached == 0:
        yield _block("audience", _("Nobody would get this campaign."),
                     _("Choose a list with confirmed contacts in the audience step."))
    elif not audience.has_evidence_for_all(seen.campaign):
        yield _block("consent", _("Some people on these lists have no evidence of consent."),
                     _("Import them again with the source of their consent, or take them off the list."))


def _chosen(seen: _Look) -> Findings:
    """What was chosen and is not there any more, or stands still."""
    for name in seen.campaign.lists.exclude(archived_at=None).values_list("name", flat=True):
        words = _("The list “%(name)s” is archived: nobody is written to through it.")
        yield _warn("archived_list", words % {"name": name},
                    _("Take it off the audience, or take the list back into use."))
    if seen.campaign.stream_id and seen.campaign.stream_id != seen.stream.pk:
        words = _("The stream that was chosen is gone: the campaign goes out on %(stream)s.")
        yield _warn("stream", words % {"stream": seen.stream.title},
                    _("Choose another one in the content step if that is not right."))
    if seen.stream.paused_at is not None:
        words = _("The stream %(stream)s is paused: the campaign waits in the queue, and expires after %(span)s.")
        yield _warn("stream_paused", words % {"stream": seen.stream.title, "span": formats.duration(LIFETIME)},
                    _("Resume the stream, or choose another one."))


def _content(seen: _Look) -> Findings:
    if seen.campaign.template is None:
        yield _block("content", _("The campaign has no template."), _("Choose one in the content step."))
    elif seen.version is None:
        yield _block("content", _("The template was never published."), _("Publish it on the template’s page."))
    elif seen.compile_problem:
        yield _block("content", seen.compile_problem, _("Correct the template and publish it again."))
    elif (draft := templates.draft(seen.campaign.template)) is not None:
        words = _("The template has a draft, version %(draft)s, that is not published: version %(version)s goes out.")
        yield _warn("unpublished", words % {"draft": draft.number, "version": seen.version.number},
                    _("Publish the draft if it is what you mean to send."))


def _fields(seen: _Look) -> Findings:
    if seen.content is None:
        return
    content = seen.content
    parts = [seen.campaign.subject or content.subject, content.preheader, content.source, content.text]
    known = field_types(seen.campaign.workspace)
    for name in rendering.missing_fields(parts, known):
        yield _block("merge_fields", _("The content uses “%(name)s”, which no contact has.") % {"name": name},
                     _("Correct the name, or define the field under Contacts."))


def _unsubscribe(seen: _Look) -> Findings:
    made = seen.compiled
    if made is not None and not compiled.has_unsubscribe_link(made.html or "", made.text or ""):
        yield _block("unsubscribe_link", _("The content has no unsubscribe link, and the footer is switched off."),
                     _("Add {{ unsubscribe_url }} to the template, or switch the footer on under Settings."))


def _proof(seen: _Look) -> Findings:
    """Make one copy as it would be sent, and read it back as a receiver would."""
    if seen.compiled is None or not seen.campaign.from_header:
        return
    for problem in broadcast_proof.problems(
        seen.compiled, stream=seen.stream, from_header=seen.campaign.from_header,
        shared=templates.shared_context(seen.campaign.workspace, seen.campaign.name, seen.compiled.subject),
    ):
        yield _block(problem.rule, problem.message, problem.fix)


def _reputation(seen: _Look) -> Findings:
    counts = queries.totals_of_stream(seen.campaign.workspace, seen.stream.pk, days=7)
    delivered, bounced = counts.get("delivered", 0), counts.get("bounced", 0)
    if delivered + bounced < MIN_SAMPLE:
        return
    share = bounced / (delivered + bounced)
    complaints = counts.get("complained", 0) / max(1, delivered)
    said = {"share": formats.percent(share), "count": formats.number(delivered + bounced),
            "limit": formats.percent(STOP_BOUNCED if share >= STOP_BOUNCED else WARN_BOUNCED, 0)}
    if share >= STOP_BOUNCED:
        yield _block("REP-5", _("%(share)s of the last %(count)s recipients bounced (7 days); from %(limit)s on "
                                "receivers stop taking mail.") % said,
                     _("Remove old addresses, send to a smaller and newer list first."))
    elif share >= WARN_BOUNCED:
        yield _warn("REP-5", _("%(share)s of the last %(count)s recipients bounced (7 days); keep it below "
                               "%(limit)s.") % said, _("Look where these addresses came from."))
    share_words = formats.percent(complaints, 3)
    if complaints >= STOP_COMPLAINED:
        words = _("%(share)s of delivered mail was called spam (7 days); from %(limit)s on receivers stop taking mail.")
        yield _block("REP-6", words % {"share": share_words, "limit": formats.percent(STOP_COMPLAINED, 1)},
                     _("Write only to people who asked for it, and less often."))
    elif complaints >= WARN_COMPLAINED:
        words = _("%(share)s of delivered mail was called spam (7 days); keep it below %(limit)s.")
        yield _warn("REP-6", words % {"share": share_words, "limit": formats.percent(WARN_COMPLAINED, 2)},
                    _("Make leaving easy, write less often."))


def _message(seen: _Look) -> Findings:
    made = seen.compiled
    if made is None:
        return
    if not made.subject.strip():
        yield _warn("subject", _("The subject is empty."), _("Write one in the content step."))
    elif made.subject.lower().startswith(("re:", "fwd:", "fw:")):
        yield _warn("MSG-5", _("The subject looks like an answer, which receivers count as deceit."),
                    _("Write it anew."))
    if not (made.text or "").strip():
        yield _warn("MSG-1", _("There is no plain text part."),
                    _("Leave the text empty to have it made from the HTML."))
    left = len(_PLACEHOLDER.findall(made.html or made.text or ""))
    if left:
        words = ngettext(
            "%(count)s link still leads to example.com, which stands for a page of yours.",
            "%(count)s links still lead to example.com, which stands for a page of yours.", left,
        )
        yield _warn("placeholder_links", words % {"count": formats.number(left)},
                    _("Write where each link is to lead."))
    size = len((made.html or "").encode())
    if size > GMAIL_CLIP_BYTES:
        yield _warn("size", _("The HTML has %(size)s KB; Gmail hides what is beyond 102 KB.") % {"size": size // 1024},
                    _("Shorten the mail, or link to the rest."))


def _support(seen: _Look) -> Findings:
    """What nobody gets as it is written; what single mail programs leave out is told where the template is written."""
    if seen.content is None:
        return
    for found in support_findings(seen.content, None):
        if found.code in FOR_NOBODY:
            yield _warn(found.code, found.message, found.fix)


def _pace(seen: _Look) -> Findings:
    """Whether the last are reached before they expire."""
    pace, reached = seen.campaign.max_per_minute, seen.audience.reached
    if pace and timedelta(minutes=reached / pace) > LIFETIME:
        words = ngettext(
            "At %(pace)s a minute %(count)s recipient takes %(span)s; what is not out after %(limit)s expires.",
            "At %(pace)s a minute %(count)s recipients take %(span)s; what is not out after %(limit)s expires.",
            reached,
        )
        needed = formats.number(ceil(reached / (LIFETIME / timedelta(minutes=1))))
        yield _warn("pace", words % {"pace": formats.number(pace), "count": formats.number(reached),
                                     "span": formats.duration(timedelta(minutes=reached / pace)),
                                     "limit": formats.duration(LIFETIME)},
                    _("Allow at least %(count)s a minute.") % {"count": needed})


def _addresses(seen: _Look) -> Findings:
    if urlsplit(settings.RELAYHUB_BASE_URL).scheme != "https":
        yield _warn("MSG-2", _("The unsubscribe link is not https, so one-click does not work at Gmail and Yahoo."),
                    _("Set RELAYHUB_BASE_URL to a public https address."))
    if not seen.campaign.workspace.postal_address.strip():
        yield _warn("postal_address", _("The footer has no postal address, which the law asks for in many places."),
                    _("Write it under Settings."))
    if not settings.RELAYHUB_EGRESS_ADDRESSES and not seen.in_sandbox:
        yield _warn("AUTH-1", _("The addresses mail leaves from are not named, so SPF cannot be checked fully."),
                    _("Set RELAYHUB_EGRESS_ADDRESSES."))
    if seen.in_sandbox:
        yield _warn("sandbox", _("Mail of this workspace goes to the sandbox inbox, not to people."),
                    _("Go live on the Routes page when you are ready."))


#: Each rule and what is true where it finds nothing ("": not worth a line), in the order people read them.
RULES: dict[Callable[[_Look], Findings], str] = {
    _sender: gettext_noop("From is of a verified domain"),
    _audience: gettext_noop("Everybody has evidence of consent"),
    _chosen: "",
    _content: gettext_noop("The published content can be made"),
    _fields: gettext_noop("Every merge field exists"),
    _unsubscribe: gettext_noop("There is an unsubscribe link"),
    _proof: gettext_noop("A copy was made, signed and verified, and can be left with one click"),
    _reputation: gettext_noop("Bounces and complaints are below their limits"),
    _message: gettext_noop("Subject, text part and size are in order"),
    _support: "",
    _pace: "",
    _addresses: gettext_noop("Public addresses and the footer are set up"),
}
_WITHOUT_CONTENT = frozenset({_sender, _audience, _content, _reputation, _addresses})
