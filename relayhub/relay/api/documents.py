"""What the relay's endpoints take and answer: messages, streams, routes, SMTP credentials, events, figures."""

from __future__ import annotations

from relayhub.core.api.schema import (
    ANY,
    FILE,
    MOMENT,
    NUMBER,
    TEXT,
    YES_OR_NO,
    Operation,
    Schema,
    declare,
    each,
    extend,
    fields,
    identifier,
    maybe,
    one_of,
    ref,
    shape,
    table,
)
from relayhub.core.facts import EventType
from relayhub.relay.api import serializers as taken
from relayhub.relay.api import views_acts as acts
from relayhub.relay.api import views_go_live as ways
from relayhub.relay.api import views_lanes as lanes
from relayhub.relay.api import views_messages as messages
from relayhub.relay.api import views_sandbox as boxes
from relayhub.relay.api import views_settings as settings
from relayhub.relay.models import RecipientStatus, StreamKind, Tracking

_STATUS = one_of(["queued", "sending", "deferred", "held", "unknown", "done", "cancelled", "failed"])
_RECIPIENT_STATUS = one_of(RecipientStatus.values)
_REPLY = maybe(fields(code=NUMBER, enhanced=maybe(TEXT), text=TEXT))

shape(
    "Accepted", id=identifier("msg"), status=_STATUS,
    recipients=each(fields(id=identifier("rcp"), address=TEXT, status=_RECIPIENT_STATUS)),
)
shape("Batch", data=each({"oneOf": [ref("Accepted"), fields(status=one_of(["refused"]), error=ref("Problem"))]}))
shape(
    "Recipient", id=identifier("rcp"), address=TEXT, subject=TEXT, status=_RECIPIENT_STATUS, attempts=NUMBER,
    reply=_REPLY, transport=maybe(TEXT), provider=maybe(TEXT), bounce_class=maybe(TEXT), hold_reason=maybe(TEXT),
    next_attempt_at=maybe(MOMENT), finished_at=maybe(MOMENT),
)
#: A stored message; `from` is a word of Python's.
shape(
    "Message", **{"from": TEXT}, id=identifier("msg"), status=_STATUS, counts=table(NUMBER), subject=TEXT, stream=TEXT,
    source=TEXT, message_id=TEXT, tags=each(TEXT), metadata=table(ANY), track=one_of(Tracking.values),
    size_bytes=NUMBER, send_at=maybe(MOMENT), created_at=MOMENT, expires_at=MOMENT, recipient_count=NUMBER,
    recipients=each(ref("Recipient")),
)
shape(
    "TimelineEntry", type=one_of(EventType.values), at=MOMENT, recipient=TEXT, reply=_REPLY, detail=table(ANY)
)
shape(
    "Content", headers=each(fields(name=TEXT, value=TEXT)), text=maybe(TEXT), html=maybe(TEXT),
    attachments=each(fields(filename=TEXT, content_type=TEXT, size_bytes=NUMBER)), raw=TEXT,
)
shape(
    "SandboxMail", **{"from": TEXT}, id=identifier("rcp"), message=identifier("msg"), to=TEXT, subject=TEXT,
    stream=TEXT, tags=each(TEXT), size_bytes=NUMBER, kept_at=maybe(MOMENT),
)
shape("SandboxCleared", cleared=NUMBER)
shape(
    "Evidence", **{"from": TEXT}, message=identifier("msg"), recipient=identifier("rcp"), address=TEXT,
    status=_RECIPIENT_STATUS, subject=TEXT, stream=TEXT, message_id=TEXT, return_path=TEXT, accepted_at=MOMENT,
    accepted=TEXT, events=each(ref("TimelineEntry")),
    attempts=each(fields(
        number=NUMBER, started_at=MOMENT, ended_at=maybe(MOMENT), disposition=TEXT, transport=TEXT, route=TEXT,
        route_why=TEXT, considered=each(table(ANY)), mx=each(TEXT), host=TEXT, host_address=TEXT, source_address=TEXT,
        tls=maybe(table(ANY)), phase=TEXT, reply=_REPLY, bounce_class=TEXT, bounce_category=TEXT, why=TEXT,
        conversation=each(fields(ms=NUMBER, who=TEXT, text=TEXT)),
    )),
    records=fields(domain=TEXT, at=MOMENT, checks=each(fields(title=TEXT, status=TEXT, text=TEXT))),
)
_IN_OUT = {"in": NUMBER, "out": NUMBER, "deferred": NUMBER}
shape(
    "Live", last_minute=fields(**_IN_OUT), waiting=NUMBER, deferred=NUMBER, has_more_deferred=YES_OR_NO, held=NUMBER,
    workers={"oneOf": [
        each(fields(name=TEXT, healthy=YES_OR_NO, in_hand=NUMBER, connections=NUMBER,
                    seconds_since_look={"type": "number"})),
        {"type": "null"},
    ]},
    bucket_seconds=NUMBER, data=each(fields(at=MOMENT, **_IN_OUT)),
)
shape("ActDone", moved=NUMBER, undo=maybe(TEXT))
shape(
    "Stream", id=identifier("str"), slug=TEXT, name=TEXT, kind=one_of(StreamKind.values),
    track=one_of(Tracking.values), is_default=YES_OR_NO, paused_at=maybe(MOMENT), paused_reason=maybe(TEXT),
    created_at=MOMENT,
)
shape(
    "Route", id=maybe(TEXT), position=maybe(NUMBER), name=TEXT, match=fields(streams=each(TEXT), domains=each(TEXT)),
    transport=TEXT, weight=NUMBER, dkim=YES_OR_NO, tls=TEXT, max_connections=maybe(NUMBER), has_secret=YES_OR_NO,
)
shape(
    "RouteChoice", transport=TEXT, rule=TEXT, why=TEXT, held=YES_OR_NO, route=maybe(TEXT),
    considered=each(fields(rule=TEXT, transport=TEXT, why=TEXT)),
)
_CHECK = fields(name=TEXT, ok=YES_OR_NO, blocks=YES_OR_NO, message=TEXT)
shape("WayChecks", ready=YES_OR_NO, data=each(_CHECK))
shape("RouteChecks", data=each(_CHECK))
shape(
    "Lane", id=TEXT, stream=TEXT, site=TEXT, name=TEXT, lanes=NUMBER,
    state=one_of(["warn", "paused", "waiting", "healthy"]), waiting=NUMBER, deferred=NUMBER,
    has_more_deferred=YES_OR_NO, out_per_minute=NUMBER, in_flight=NUMBER, connections=maybe(NUMBER),
    max_per_minute=maybe(NUMBER), paused_at=maybe(MOMENT), paused_reason=maybe(TEXT), backoff_until=maybe(MOMENT),
    backoff_reason=maybe(TEXT), oldest_seconds=maybe({"type": "number"}),
    replies=each(fields(code=maybe(TEXT), enhanced=maybe(TEXT), text=TEXT, count=NUMBER, next_try_at=MOMENT)),
)
shape(
    "Credential", id=TEXT, name=TEXT, username=TEXT, stream=maybe(TEXT), domains=each(TEXT), networks=each(TEXT),
    created_at=MOMENT, last_used_at=maybe(MOMENT), expires_at=maybe(MOMENT), revoked_at=maybe(MOMENT),
)
extend("NewCredential", "Credential", password=TEXT)
shape(
    "Event", id=identifier("evt"), type=one_of(EventType.values), at=MOMENT, message=identifier("msg"),
    recipient=identifier("rcp"), address=TEXT, reply=_REPLY, detail=table(ANY),
)
shape(
    "Stats", since=MOMENT, bucket=one_of(["hour", "day"]), totals=table(NUMBER),
    data=each(fields(at=MOMENT, counts=table(NUMBER))),
)

_READ_AS: dict[str, Schema] = {
    "read_as": each(fields(kind=TEXT, text=TEXT, words=TEXT)), "searched_back_to": maybe(MOMENT),
}
_ONE = {"recipient": "`rcp_…`: as this recipient gets it; the first one unless given."}
_BATCH: Schema = {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": messages.MAX_BATCH,
                  "description": "Messages as `POST /messages` takes them."}

declare(
    messages.MessagesView, "GET",
    Operation(
        name="list_messages", answer="Message", is_list=True,
        query={
            "status": "As a message shows it.", "stream": "Slug.", "domain": "A recipient's domain.",
            "recipient": "A recipient's address.", "tag": "A tag.", "campaign": "`cmp_…`.",
            "since": "Accepted from this time on.", "until": "Accepted before this time.",
            "q": "As the search box reads it: addresses, domains, ids, states, days (UTC), `tag:x`, `from:x`, words of "
                 "the subject. Where no index finds what `q`, `status`, `domain` or `tag` ask for, a page may hold "
                 "fewer rows than asked for: `next` looks further back.",
        },
        beside=_READ_AS,
    ),
)
declare(
    messages.MessagesView, "POST",
    Operation(name="send_message", answer="Accepted", status=202, body=taken.MessageSerializer),
)
declare(
    boxes.SandboxView, "GET",
    Operation(
        name="list_sandbox", answer="SandboxMail", is_list=True, beside=_READ_AS,
        query={"stream": "Slug.", "q": "As `/messages` reads it."},
    ),
)
declare(boxes.SandboxView, "DELETE", Operation(name="clear_sandbox", answer="SandboxCleared"))
declare(boxes.SandboxRestoreView, "POST", Operation(name="restore_sandbox", status=204))
declare(messages.EvidenceView, "GET", Operation(name="message_evidence", answer="Evidence", query=_ONE))
declare(lanes.LiveView, "GET", Operation(name="get_live", answer="Live"))
declare(acts.ManyView, "POST", Operation(name="act_on_messages", answer="ActDone", body=acts.ManySerializer))
declare(acts.UndoManyView, "POST", Operation(name="undo_act", answer="ActDone", body=acts.UndoManySerializer))
declare(messages.BatchView, "POST", Operation(name="send_batch", answer="Batch", status=202, body=_BATCH))
declare(
    messages.RawView, "POST",
    Operation(
        name="send_raw_message", answer="Accepted", status=202, body=FILE, body_type="message/rfc822",
        query={"from": "Return address; kept as data.", "to": "A recipient.", "stream": "Slug."}, repeatable=("to",),
    ),
)
declare(messages.MessageView, "GET", Operation(name="get_message", answer="Message"))
declare(messages.TimelineView, "GET", Operation(name="get_timeline", answer="TimelineEntry", is_list=True))
declare(
    messages.ContentView, "GET",
    Operation(name="get_content", answer="Content", query={**_ONE, "format": "`raw` for the bytes."}),
)
declare(
    messages.RawContentView, "GET",
    Operation(name="download_message", answer="Raw", answer_type="message/rfc822", query=_ONE),
)
declare(
    messages.RecipientsView, "GET",
    Operation(name="list_recipients", answer="Recipient", is_list=True, query={"status": "A recipient's status."}),
)
for _view, _name in (
    (acts.CancelView, "cancel_message"), (acts.HoldView, "hold_message"), (acts.ReleaseView, "release_message"),
    (acts.RetryView, "retry_message"),
):
    declare(_view, "POST", Operation(name=_name, answer="Message", body=acts.ChosenSerializer))
declare(
    acts.ResendView, "POST",
    Operation(name="resend_message", answer="Accepted", status=202, body=acts.ChosenSerializer),
)
declare(settings.StreamsView, "GET", Operation(name="list_streams", answer="Stream", is_list=True))
declare(
    settings.StreamsView, "POST",
    Operation(name="create_stream", answer="Stream", status=201, body=taken.StreamSerializer),
)
declare(settings.StreamView, "GET", Operation(name="get_stream", answer="Stream"))
declare(
    settings.StreamView, "PATCH",
    Operation(name="change_stream", answer="Stream", body=taken.StreamChangeSerializer),
)
declare(settings.StreamView, "DELETE", Operation(name="delete_stream", status=204))
declare(settings.RoutesView, "GET", Operation(name="list_routes", answer="Route", is_list=True, is_whole=True))
declare(
    settings.RoutesView, "POST",
    Operation(name="create_route", answer="Route", status=201, body=taken.RouteSerializer),
)
declare(settings.RouteView, "GET", Operation(name="get_route", answer="Route"))
declare(settings.RouteView, "PATCH", Operation(name="change_route", answer="Route", body=taken.RouteSerializer))
declare(settings.RouteView, "DELETE", Operation(name="delete_route", status=204))
declare(
    settings.ExplainView, "GET",
    Operation(
        name="explain_route", answer="RouteChoice",
        query={"address": "Of a recipient.", "stream": "Slug; transactional unless given.",
               "from_domain": "The From domain, where its state matters."},
    ),
)
declare(ways.CheckWayView, "POST", Operation(name="check_transport", answer="WayChecks", body=ways.WaySerializer))
declare(ways.GoLiveView, "POST", Operation(name="go_live", answer="Route", status=201, body=ways.WaySerializer))
declare(ways.CheckRouteView, "POST", Operation(name="check_route", answer="RouteChecks"))
declare(lanes.LanesView, "GET", Operation(name="list_lanes", answer="Lane", is_list=True, is_whole=True))
declare(lanes.LaneView, "GET", Operation(name="get_lane", answer="Lane"))
declare(lanes.LaneView, "PATCH", Operation(name="change_lane", answer="Lane", body=lanes.LaneChangeSerializer))
declare(settings.CredentialsView, "GET", Operation(name="list_credentials", answer="Credential", is_list=True))
declare(
    settings.CredentialsView, "POST",
    Operation(name="create_credential", answer="NewCredential", status=201, body=taken.CredentialSerializer),
)
declare(settings.CredentialView, "GET", Operation(name="get_credential", answer="Credential"))
declare(settings.CredentialView, "DELETE", Operation(name="revoke_credential", status=204))
declare(
    settings.CredentialRotateView, "POST",
    Operation(name="rotate_credential", answer="NewCredential", status=201, body=taken.CredentialRotateSerializer),
)
declare(
    settings.EventsView, "GET",
    Operation(
        name="list_events", answer="Event", is_list=True, query={"type": "A kind of event."}, repeatable=("type",)
    ),
)
declare(
    settings.StatsView, "GET",
    Operation(
        name="get_stats", answer="Stats",
        query={"days": "1 to 400; 1 unless given.", "bucket": "`hour` or `day`.", "stream": "Slug."},
    ),
)
