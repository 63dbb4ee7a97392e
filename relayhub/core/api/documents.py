"""What the shared endpoints take and answer: keys, the workspace, people, the audit log, jobs."""

from __future__ import annotations

from django.conf import settings

from relayhub.core.api import views, views_people, views_refused
from relayhub.core.api.schema import (
    ANY,
    FILE,
    MOMENT,
    NUMBER,
    TEXT,
    YES_OR_NO,
    Operation,
    declare,
    each,
    extend,
    fields,
    identifier,
    maybe,
    one_of,
    shape,
    table,
)
from relayhub.core.models import BrandFont, Door, JobStatus, Role

shape(
    "Key", id=identifier("key"), name=TEXT, prefix=TEXT, last_four=TEXT, scopes=each(TEXT), domains=each(TEXT),
    streams=each(TEXT), networks=each(TEXT), requests_per_second=NUMBER, created_at=MOMENT,
    last_used_at=maybe(MOMENT), expires_at=maybe(MOMENT), revoked_at=maybe(MOMENT),
)
extend("NewKey", "Key", key=TEXT)
LANGUAGES = [tag for tag, _ in settings.LANGUAGES]
shape(
    "Workspace", id=identifier("wsp"), name=TEXT, slug=TEXT, company=TEXT, postal_address=TEXT, footer_html=TEXT,
    adds_footer=YES_OR_NO, brand_colour=TEXT, brand_font=one_of(BrandFont.values), logo_url=maybe(TEXT),
    language=one_of(LANGUAGES), timezone=TEXT, requires_mfa=YES_OR_NO, is_demo=YES_OR_NO,
    refused_attachments=each(TEXT), max_attachment_mib=maybe(NUMBER),
    sending_stopped_at=maybe(MOMENT), sending_stopped_reason=maybe(TEXT), created_at=MOMENT,
)
shape("Member", id=TEXT, email=TEXT, name=TEXT, role=one_of(Role.values), created_at=MOMENT)
shape("Invitation", id=TEXT, email=TEXT, role=one_of(Role.values), created_at=MOMENT, expires_at=MOMENT)
extend("NewInvitation", "Invitation", link=TEXT)
shape(
    "AuditEntry", id=TEXT, at=MOMENT, actor=TEXT, ip=maybe(TEXT), action=TEXT, object=fields(type=TEXT, id=TEXT),
    summary=TEXT, before=ANY, after=ANY,
)
shape(
    "RefusedRequest", id=identifier("ref"), at=MOMENT, door=one_of(Door.values), caller=fields(id=TEXT, name=TEXT),
    method=TEXT, path=TEXT, query=TEXT, status=NUMBER, code=TEXT, detail=TEXT,
    errors=each(fields(pointer=TEXT, code=TEXT, detail=TEXT)), reason=maybe(TEXT), request_id=maybe(TEXT),
    ip=maybe(TEXT), user_agent=maybe(TEXT), more_in_minute=NUMBER,
)
shape(
    "Job", id=identifier("job"), kind=TEXT, title=TEXT, status=one_of(JobStatus.values), done=NUMBER,
    total=maybe(NUMBER), unit=TEXT, error=maybe(TEXT), result=maybe(table(ANY)), created_at=MOMENT,
    started_at=maybe(MOMENT), finished_at=maybe(MOMENT), per_second=maybe({"type": "number"}),
    seconds_left=maybe(NUMBER),
    cancel=maybe(fields(scope=maybe(TEXT), means=TEXT)),
)

declare(views.KeysView, "GET", Operation(name="list_keys", answer="Key", is_list=True))
declare(views.KeysView, "POST", Operation(name="create_key", answer="NewKey", status=201, body=views.KeySerializer))
declare(views.KeyView, "GET", Operation(name="get_key", answer="Key"))
declare(views.KeyView, "DELETE", Operation(name="revoke_key", status=204))
declare(
    views.RotateView, "POST",
    Operation(name="rotate_key", answer="NewKey", status=201, body=views.RotateSerializer),
)
declare(
    views_refused.RefusedRequestsView, "GET",
    Operation(
        name="list_refused_requests", answer="RefusedRequest", is_list=True,
        query={"caller": "Id of a key or an SMTP credential.",
               "status": "A status such as `422`, or `4xx`, `5xx`, or `smtp` for mail that was refused by SMTP.",
               "q": "Words of the path, the code or the detail; or a whole request id."},
    ),
)
declare(views_refused.RefusedRequestView, "GET", Operation(name="get_refused_request", answer="RefusedRequest"))
declare(views.WorkspaceView, "GET", Operation(name="get_workspace", answer="Workspace"))
declare(
    views.WorkspaceView, "PATCH",
    Operation(name="change_workspace", answer="Workspace", body=views.WorkspaceSerializer),
)
declare(
    views_people.StopView, "POST",
    Operation(name="stop_sending", answer="Workspace", body=views_people.StopSerializer),
)
declare(views_people.ResumeView, "POST", Operation(name="resume_sending", answer="Workspace"))
declare(
    views_people.LogoView, "POST",
    Operation(name="set_logo", answer="Workspace", body=fields(logo=FILE), body_type="multipart/form-data"),
)
declare(views_people.LogoView, "DELETE", Operation(name="remove_logo", answer="Workspace"))
declare(views_people.MembersView, "GET", Operation(name="list_members", answer="Member", is_list=True))
declare(views_people.MemberView, "GET", Operation(name="get_member", answer="Member"))
declare(
    views_people.MemberView, "PATCH",
    Operation(name="change_member", answer="Member", body=views_people.RoleSerializer),
)
declare(views_people.MemberView, "DELETE", Operation(name="remove_member", status=204))
declare(views_people.InvitationsView, "GET", Operation(name="list_invitations", answer="Invitation", is_list=True))
declare(
    views_people.InvitationsView, "POST",
    Operation(name="invite", answer="NewInvitation", status=201, body=views_people.InviteSerializer),
)
declare(views_people.InvitationView, "GET", Operation(name="get_invitation", answer="Invitation"))
declare(views_people.InvitationView, "DELETE", Operation(name="revoke_invitation", status=204))
declare(
    views_people.AuditView, "GET",
    Operation(
        name="list_audit_entries", answer="AuditEntry", is_list=True,
        query={"q": "Words of the summary, actor or id.", "kind": "Kind of object, such as `domain`.",
               "since": "From this time on.", "until": "Before this time."},
    ),
)
declare(views_people.AuditCheckView, "POST", Operation(name="check_audit_log", answer="Job", status=202))
declare(
    views.JobsView, "GET",
    Operation(name="list_jobs", answer="Job", is_list=True,
              query={"kind": "Such as `import`.", "status": "A status, or `unfinished`."}),
)
declare(views.JobView, "GET", Operation(name="get_job", answer="Job"))
declare(views.JobView, "DELETE", Operation(name="cancel_job", answer="Job", status=202))
