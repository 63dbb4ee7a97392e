"""What this package's endpoints take and answer: domains and suppressions."""

from __future__ import annotations

from deliverability.api import views_domains as domains
from deliverability.api import views_suppressions as suppressions
from deliverability.models import DomainStatus, SuppressionReason, SuppressionScope
from relayhub.core.api.schema import (
    FILE,
    MOMENT,
    NUMBER,
    SHAPES,
    TEXT,
    YES_OR_NO,
    Operation,
    Schema,
    declare,
    each,
    fields,
    identifier,
    maybe,
    one_of,
    ref,
    shape,
)

_OUTCOME = one_of(["pass", "fail", "unknown"])
_REASON, _SCOPE = one_of(SuppressionReason.values), one_of(SuppressionScope.values)

shape(
    "Domain", id=identifier("dom"), name=TEXT, status=one_of(DomainStatus.values), verdict=TEXT,
    verified_at=maybe(MOMENT), checked_at=maybe(MOMENT), next_check_at=maybe(MOMENT), failing_since=maybe(MOMENT),
    created_at=MOMENT, name_servers=each(TEXT), dns_provider=maybe(TEXT),
    keys=each(
        fields(
            selector=TEXT, algorithm=TEXT, state=TEXT, seen_in_dns_at=maybe(MOMENT), activated_at=maybe(MOMENT),
            retired_at=maybe(MOMENT),
        )
    ),
    checks=each(
        fields(
            kind=TEXT, outcome=_OUTCOME, found=maybe(TEXT), wanted=maybe(TEXT), explanation=TEXT, required=YES_OR_NO,
            type=TEXT, name=TEXT, checked_at=maybe(MOMENT),
        )
    ),
)
_SHARE: dict[str, Schema] = {
    "id": identifier("dsh"), "created_at": MOMENT, "made_by": TEXT, "expires_at": MOMENT, "opened_at": maybe(MOMENT),
}
shape("DomainShare", **_SHARE)
shape("NewDomainShare", url=TEXT, **_SHARE)
shape("DnsRecord", purpose=TEXT, type=one_of(["TXT", "CNAME", "MX"]), name=TEXT, value=TEXT, required=YES_OR_NO)
_STATE = fields(outcome=maybe(_OUTCOME), found=maybe(TEXT))
shape("DomainChange", kind=TEXT, name=TEXT, at=MOMENT, explanation=TEXT, before=_STATE, after=_STATE)
shape(
    "Suppression", id=identifier("sup"), address=TEXT, reason=_REASON, scope=_SCOPE, stream=maybe(TEXT),
    list=maybe(TEXT), source=TEXT, created_at=MOMENT, recipient=maybe(TEXT), lifted_at=maybe(MOMENT),
    lifted_by=maybe(TEXT), lift_reason=maybe(TEXT),
)
shape("SuppressionsAdded", added=NUMBER, already=NUMBER, rejected=each(fields(address=TEXT, detail=TEXT)))
#: One address makes a suppression, many make counts.
SHAPES["SuppressionAnswer"] = {"anyOf": [ref("Suppression"), ref("SuppressionsAdded")]}
shape(
    "SuppressionVerdict", address=TEXT, valid=YES_OR_NO, suppressed=YES_OR_NO, reason=maybe(_REASON),
    scope=maybe(_SCOPE),
)
shape(
    "SuppressionImport", id=identifier("job"), status=TEXT, done=NUMBER, total=maybe(NUMBER), added=NUMBER,
    already=NUMBER, rejected=NUMBER, error=maybe(TEXT), created_at=MOMENT, finished_at=maybe(MOMENT),
)
_FILTER = {"q": "Part of an address.", "reason": "A reason.", "scope": "A scope.", "lifted": "`true`: those lifted."}
_FILE: Schema = {
    "type": "object", "required": ["file"],
    "properties": {"file": FILE, "reason": _REASON, "scope": _SCOPE, "stream": TEXT, "list": TEXT},
}

declare(
    domains.DomainsView, "GET",
    Operation(name="list_domains", answer="Domain", is_list=True, query={"status": "A status.", "name": "The name."}),
)
declare(
    domains.DomainsView, "POST",
    Operation(name="add_domain", answer="Domain", status=201, also=(200,), body=domains.DomainSerializer),
)
declare(domains.DomainView, "GET", Operation(name="get_domain", answer="Domain"))
declare(domains.DomainView, "DELETE", Operation(name="delete_domain", status=204))
declare(domains.VerifyView, "POST", Operation(name="verify_domain", answer="Domain"))
declare(domains.RecordsView, "GET", Operation(name="list_records", answer="DnsRecord", is_list=True, is_whole=True))
declare(
    domains.RotateView, "POST",
    Operation(name="rotate_dkim_keys", answer="DnsRecord", status=201, is_list=True, is_whole=True),
)
declare(
    domains.SharesView, "GET", Operation(name="list_domain_shares", answer="DomainShare", is_list=True, is_whole=True)
)
declare(domains.SharesView, "POST", Operation(name="share_domain", answer="NewDomainShare", status=201))
declare(domains.ShareView, "DELETE", Operation(name="end_domain_share", status=204))
declare(domains.ChangesView, "GET", Operation(name="list_domain_changes", answer="DomainChange", is_list=True))
declare(
    suppressions.SuppressionsView, "GET",
    Operation(
        name="list_suppressions", answer="Suppression", is_list=True,
        query={"address": "Rows of every scope of this address.", **_FILTER},
    ),
)
declare(
    suppressions.SuppressionsView, "POST",
    Operation(
        name="suppress", answer="SuppressionAnswer", status=201, body=suppressions.SuppressionSerializer,
    ),
)
declare(
    suppressions.SuppressionsView, "DELETE",
    Operation(name="lift_address", status=204, query={"address": "Every scope of it.", "reason": "Why."}),
)
declare(suppressions.SuppressionView, "GET", Operation(name="get_suppression", answer="Suppression"))
declare(
    suppressions.SuppressionView, "DELETE",
    Operation(name="lift_suppression", status=204, query={"reason": "Why."}),
)
declare(
    suppressions.CheckView, "GET",
    Operation(
        name="check_addresses", answer="SuppressionVerdict", is_list=True, is_whole=True,
        query={"address": "An address."}, repeatable=("address",),
    ),
)
declare(
    suppressions.CheckView, "POST",
    Operation(
        name="check_many_addresses", answer="SuppressionVerdict", is_list=True, is_whole=True,
        body=suppressions.CheckSerializer,
    ),
)
declare(
    suppressions.ExportView, "GET",
    Operation(name="export_suppressions", answer="Csv", answer_type="text/csv", query=_FILTER),
)
declare(
    suppressions.ImportView, "POST",
    Operation(
        name="import_suppressions", answer="SuppressionImport", status=202, body=_FILE, body_type="multipart/form-data"
    ),
)
declare(suppressions.ImportStatusView, "GET", Operation(name="get_suppression_import", answer="SuppressionImport"))
declare(
    suppressions.RejectsView, "GET",
    Operation(name="download_suppression_rejects", answer="Csv", answer_type="text/csv"),
)
