"""Where a picture of the library is shown: found by its address in templates, and through them in campaigns.

An address is looked for in what templates say now (draft and newest published version) and in what campaigns were
sent with. Single messages carry content of their own, and mail that was sent is not searched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns.models import Broadcast, Campaign, CampaignStatus, MailTemplate, Picture, TemplateVersion
from relayhub.core.models import Workspace
from relayhub.core.spoken import within
from relayhub.core.vocabulary import status_look

#: The key in an address of the library.
KEYS = re.compile(r"/picture/([0-9a-f]{40})\.(?:png|jpg|gif|webp)")
#: Names that a sentence tells.
_MOST_NAMES = 3
_UNSENT = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED)
# Of each template its draft and its newest published version; keys are taken out of all of them at once, whatever
# number of pictures is asked about.
_SHOWN = """
    WITH latest AS (
        SELECT DISTINCT ON (v.template_id, v.published_at IS NULL) v.id
        FROM campaigns_templateversion v JOIN campaigns_mailtemplate t ON t.id = v.template_id
        WHERE t.workspace_id = %s ORDER BY v.template_id, v.published_at IS NULL, v.number DESC
    )
    SELECT DISTINCT v.template_id, m.found[1]
    FROM campaigns_templateversion v JOIN latest ON latest.id = v.id
    CROSS JOIN LATERAL regexp_matches(v.source || ' ' || v.text, '/picture/([0-9a-f]{40})', 'g') AS m(found)
    WHERE v.source LIKE '%%/picture/%%' OR v.text LIKE '%%/picture/%%'
"""


@dataclass(frozen=True, kw_only=True)
class Uses:
    """Who shows a picture."""

    #: That show it now, in their draft or what is published.
    templates: tuple[MailTemplate, ...]
    #: That are to be sent with it, or were.
    campaigns: tuple[Campaign, ...]
    #: Whether the footer of the workspace shows it.
    is_in_footer: bool

    @property
    def is_used(self) -> bool:
        """Whether anything shows it."""
        return bool(self.templates or self.campaigns or self.is_in_footer)

    @property
    def names(self) -> list[str]:
        """All of them by name."""
        found = [_("Template “%(name)s”") % {"name": row.name} for row in self.templates]
        found += [
            _("Campaign “%(name)s” (%(status)s)") % {
                "name": row.name, "status": within(status_look(row.status, of="campaign").word)}
            for row in self.campaigns
        ]
        return found + ([_("The footer of the workspace")] if self.is_in_footer else [])

    @property
    def in_words(self) -> str:
        """The first of them, as a part of a sentence."""
        named = [within(name[0]) + name[1:] for name in self.names[:_MOST_NAMES]]
        more = len(self.names) - len(named)
        if more:
            return _("%(names)s and %(count)s more") % {"names": ", ".join(named), "count": more}
        if len(named) < 2:
            return "".join(named)
        return _("%(names)s and %(last)s") % {"names": ", ".join(named[:-1]), "last": named[-1]}


def uses_of(picture: Picture) -> Uses:
    """The templates and campaigns that show a picture, newest first. Reads all versions of all templates."""
    workspace, path = picture.workspace, f"/picture/{picture.key}"
    holding = TemplateVersion.objects.filter(
        Q(source__contains=path) | Q(text__contains=path), template__workspace=workspace
    )
    shown = _templates_showing(workspace).get(picture.key, set())
    sent = Broadcast.objects.filter(workspace=workspace, template_version__in=holding.values("pk"))
    campaigns = Campaign.objects.filter(
        Q(template__in=shown, status__in=_UNSENT) | Q(pk__in=sent.values("campaign")), workspace=workspace
    )
    return Uses(
        templates=tuple(MailTemplate.objects.filter(workspace=workspace, pk__in=shown)),
        campaigns=tuple(campaigns.order_by("-id")), is_in_footer=path in workspace.footer_html,
    )


def template_counts(workspace: Workspace, pictures: Sequence[Picture]) -> dict[UUID, int]:
    """How many templates show each of these pictures, in one query."""
    if not pictures:
        return {}
    counted_keys = Counter({key: len(found) for key, found in _templates_showing(workspace).items()})
    return {picture.pk: counted_keys[picture.key] for picture in pictures}


def _templates_showing(workspace: Workspace) -> dict[str, set[UUID]]:
    """Key -> the templates that show the picture now."""
    found: dict[str, set[UUID]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SHOWN, [workspace.pk])
        for template_id, key in cursor:
            found.setdefault(key, set()).add(template_id)
    return found
