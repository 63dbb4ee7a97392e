"""What deliveries need of the relay: routes, contents, bytes, transports, and the verdict on replies.

Whatever asks Django's database does so on a small thread pool, once a claim; contents are read once a claim
batch, whole and binary, over the loop's own connection, and kept parsed while they are in use.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections

from deliverability import domains, signing
from relayhub.core import crypto
from relayhub.core.errors import PrepareError
from relayhub.protocol import dkim, retry
from relayhub.protocol.classify import (
    BounceClass,
    Classification,
    Disposition,
    classify_fault,
    classify_reply,
)
from relayhub.protocol.smtp_wire import SmtpPhase
from relayhub.relay import lanes, managers, routes, shaping, sites, transports
from relayhub.relay.deliver import Job, Judgement, Signal, Way, unknown_wait_seconds
from relayhub.relay.lanes import LaneInfo
from relayhub.relay.loop_db import DatabaseAway, LoopConnection
from relayhub.relay.managers import ClaimedRecipient, ContentRow, MessageRow
from relayhub.relay.models.message import RecipientStatus
from relayhub.relay.prepare import LoadedContent, Origin, load_content, prepare
from relayhub.relay.routing import RouteChoice, choose_route
from relayhub.relay.transports.base import OutgoingMessage, SendResult, Transport

T = TypeVar("T")

#: Content kept parsed in one process, by its stored size.
MAX_CONTENT_OCTETS = 32 * 1024 * 1024
#: Groups of recipient domains being looked up at once.
LOOK_UP_THREADS = 4
DATABASE_THREADS = 2
#: A refusal here speaks of us, of our key or of the whole host, never of one recipient.
_ABOUT_US = frozenset({SmtpPhase.BANNER, SmtpPhase.EHLO, SmtpPhase.STARTTLS, SmtpPhase.AUTH})


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """A route choice with the keys that sign on that way."""

    choice: RouteChoice
    keys: tuple[dkim.SigningKey, ...] = ()


class ContentCache:
    """Parsed contents, least recently used first to go, bounded by their stored size."""

    def __init__(self, connection: LoopConnection) -> None:
        self._connection = connection
        self._loaded: OrderedDict[UUID, tuple[int, LoadedContent]] = OrderedDict()
        self._octets = 0

    async def preload(self, messages: Sequence[MessageRow]) -> None:
        """Read what is missing, in as few statements as the size allows."""
        missing: dict[UUID, int] = {
            message.content_id: message.size_bytes for message in messages if message.content_id not in self._loaded
        }
        batch: list[UUID] = []
        octets = 0
        for content_id, size in missing.items():
            if octets + size > MAX_CONTENT_OCTETS // 2:
                break  # the rest is read when its turn comes
            batch.append(content_id)
            octets += size
        if batch:
            await self._read(batch)

    async def get(self, message: MessageRow) -> LoadedContent:
        """The content of a message, parsed."""
        found = self._loaded.get(message.content_id)
        if found is None:
            try:
                await self._read([message.content_id])
            except DatabaseAway as error:
                raise PrepareError("The content cannot be read now.", temporary=True) from error
            found = self._loaded.get(message.content_id)
        if found is None:
            raise PrepareError("The content is gone.", temporary=False, code="content_gone")
        self._loaded.move_to_end(message.content_id)
        return found[1]

    async def _read(self, content_ids: Sequence[UUID]) -> None:
        for row in await self._connection.fetch(managers.contents_statement(content_ids)):
            content = ContentRow(id=row[0], format=row[1], data=bytes(row[2]), meta=row[3] or {})
            try:
                loaded = load_content(content)
            except PrepareError:
                continue  # its deliveries read it again, one by one, and say what is wrong
            self._keep(content.id, len(content.data), loaded)

    def _keep(self, content_id: UUID, size: int, loaded: LoadedContent) -> None:
        self._loaded[content_id] = (size, loaded)
        self._octets += size
        while self._octets > MAX_CONTENT_OCTETS and len(self._loaded) > 1:
            _, (dropped, _content) = self._loaded.popitem(last=False)
            self._octets -= dropped


class RelayServices:
    """The relay's own services, for one event loop."""

    def __init__(self, connection: LoopConnection) -> None:
        self._contents = ContentCache(connection)
        self._database = ThreadPoolExecutor(DATABASE_THREADS, "relay-django")
        self._look_ups = ThreadPoolExecutor(LOOK_UP_THREADS, "relay-dns")
        self._origin = Origin(base_url=settings.RELAYHUB_BASE_URL, keyring=crypto.link_keyring())

    async def ways_for(self, info: LaneInfo, batch: Sequence[tuple[ClaimedRecipient, MessageRow]]) -> list[Way]:
        """The route of each claimed recipient, by the rules as of now."""
        return await self._in_thread(self._database, lambda: choose_ways(info, batch))

    async def preload(self, messages: Sequence[MessageRow]) -> None:
        """Read the contents of a claim in one go."""
        try:
            await self._contents.preload(messages)
        except DatabaseAway:
            return  # each delivery asks again

    async def lanes_of_sites(self, info: LaneInfo, wanted: Sequence[str]) -> dict[str, int]:
        """Look up each domain once, all of them together, and name the lanes their mail waits in."""
        records = await self._in_thread(self._look_ups, lambda: sites.resolve_domains(wanted))
        by_domain = {domain: record.site for domain, record in records.items()}
        by_site = await self._in_thread(
            self._database,
            lambda: lanes.lane_ids_by_site(info.workspace_id, info.stream_id, info.broadcast_id, by_domain.values()),
        )
        return {domain: by_site[site] for domain, site in by_domain.items()}

    async def prepare(self, job: Job) -> OutgoingMessage:
        """The exact bytes and envelope of one recipient."""
        content = await self._contents.get(job.message)
        mail = prepare(job.recipient, job.message, content, origin=self._origin, keys=job.way.choice.keys)
        return OutgoingMessage(
            recipient_id=job.recipient.id,
            mail_from=mail.mail_from,
            rcpt_to=mail.rcpt_to,
            domain=job.recipient.domain,
            content=mail.content,
            needs_8bit=mail.needs_8bit,
            needs_smtputf8=mail.needs_smtputf8,
        )

    def transport_for(self, way: Way) -> Transport:
        """The pooled transport of a way."""
        rule = way.choice.choice.rule
        return transports.transport_for(rule.transport, tls=rule.tls, max_connections=rule.max_connections)

    def judge(self, job: Job, result: SendResult) -> Judgement:
        """Classify an answer and say when to try again."""
        if result.disposition == Disposition.UNKNOWN:
            return Judgement(
                status=RecipientStatus.UNKNOWN,
                retry_in_seconds=unknown_wait_seconds(job.message),
                signal=Signal.UNREACHABLE,
                detail={"why": result.why},
            )
        if result.disposition == Disposition.DELIVERED:
            return Judgement(status=RecipientStatus.DELIVERED)
        if result.reply is None:
            return self._unanswered(job, result)
        return self._answered(job, result)

    def judge_unprepared(self, job: Job, error: PrepareError) -> Judgement:
        """A message that cannot be made: tried again where that may help, else refused by ourselves."""
        if error.temporary:
            return self._deferred(job, classify_fault(error.message), Signal.NOTHING)
        return Judgement(
            status=RecipientStatus.BOUNCED,
            bounce_class=BounceClass.SOFT.value,
            bounce_category="content",
            signal=Signal.NOTHING,
            detail={"why": error.message},
        )

    async def close(self) -> None:
        """Say goodbye to peers and end the threads."""
        await transports.close_all()
        self._database.shutdown(wait=False, cancel_futures=True)
        self._look_ups.shutdown(wait=False, cancel_futures=True)

    def _unanswered(self, job: Job, result: SendResult) -> Judgement:
        if result.disposition != Disposition.BOUNCED:
            return self._deferred(job, classify_fault(result.why), Signal.UNREACHABLE)
        return Judgement(
            status=RecipientStatus.BOUNCED,
            bounce_class=str(result.detail.get("bounce_class", BounceClass.HARD.value)),
            bounce_category=str(result.detail.get("bounce_category", "configuration")),
            suppresses=bool(result.detail.get("suppress", False)),
            detail={"why": result.why},
        )

    def _answered(self, job: Job, result: SendResult) -> Judgement:
        assert result.reply is not None
        found = classify_reply(result.reply, phase=result.phase, provider=job.recipient.provider or None)
        if result.phase in _ABOUT_US:
            return self._deferred(job, found, Signal.UNREACHABLE)
        if found.disposition is Disposition.BOUNCED:
            return Judgement(
                status=RecipientStatus.BOUNCED,
                bounce_class=found.bounce_class.value,
                bounce_category=found.category.value,
                suppresses=found.suppress,
                detail={"why": found.why, "remedy": found.remedy},
            )
        return self._deferred(job, found, Signal.SLOW_DOWN if found.slows else Signal.GOOD)

    def _deferred(self, job: Job, found: Classification, signal: Signal) -> Judgement:
        moment = job.hold.now()
        again = retry.next_attempt_at(
            attempts=job.recipient.attempts + 1,
            now=moment,
            expires_at=job.message.expires_at,
            jitter_key=job.recipient.id.bytes,
        )
        wait = max(1.0, (again - moment).total_seconds()) if again is not None else 1.0
        return Judgement(
            status=RecipientStatus.DEFERRED,
            retry_in_seconds=wait,
            signal=signal,
            bounce_class=found.bounce_class.value,
            bounce_category=found.category.value,
            detail={"why": found.why, "remedy": found.remedy},
        )

    async def _in_thread(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, _with_connection, work)


def _with_connection(work: Callable[[], T]) -> T:
    """Run Django work on a pool's thread and give its connection back."""
    try:
        return work()
    finally:
        close_old_connections()


def choose_ways(info: LaneInfo, batch: Sequence[tuple[ClaimedRecipient, MessageRow]]) -> list[Way]:
    """The ways of a claim: rules and domain states are looked at once."""
    found = routes.rules_for(info.workspace_id)
    states: dict[str, Any] = {}
    keys: dict[str, tuple[dkim.SigningKey, ...]] = {}
    ways = []
    for recipient, message in batch:
        from_domain = message.from_domain
        if from_domain not in states:
            states[from_domain] = domains.sending_state(info.workspace_id, from_domain)
            keys[from_domain] = tuple(signing.signing_keys(info.workspace_id, from_domain))
        choice = choose_route(
            stream=info.stream_slug,
            domain=recipient.domain,
            rules=found.rules,
            recipient_id=recipient.id,
            # Our own letters stay inside until the system's domain is verified.
            is_pinned_to_sandbox=found.is_pinned_to_sandbox or bool(message.options.get("sandbox_only")),
            domain_state=states[from_domain],
        )
        ways.append(_way(choice, keys[from_domain], info.site))
    return ways


def _way(choice: RouteChoice, keys: tuple[dkim.SigningKey, ...], site: str) -> Way:
    rule = choice.rule
    detail: dict[str, Any] = {"route": rule.label, "route_why": choice.why}
    if choice.considered:
        detail["considered"] = [
            {"rule": item.rule, "transport": item.transport, "why": item.why} for item in choice.considered[:5]
        ]
    return Way(
        transport=rule.transport.text,
        is_sandbox=not rule.transport.leaves,
        hold_reason=choice.hold_reason,
        max_connections=shaping.lane_connections(rule.transport.kind, site, rule.max_connections),
        detail=detail,
        choice=Chosen(choice=choice, keys=keys if rule.dkim and rule.transport.leaves else ()),
    )
