"""Words that change with what they are said of, and stored ends of jobs, in the reader's language."""

from __future__ import annotations

import pytest
from django.utils import translation

from campaigns.importer import JOB_KIND
from campaigns.models import CampaignStatus
from campaigns.retold import TOO_MANY_TRIED
from relayhub.core import jobs
from relayhub.core.models import Job
from relayhub.core.vocabulary import status_look


@pytest.mark.parametrize(
    ("language", "status", "plain", "said_of"),
    [
        ("fr", "cancelled", "Annulé", {"campaign": "Annulée", "job": "Annulée", "domain": "Annulé"}),
        ("es", "cancelled", "Cancelado", {"campaign": "Cancelada", "job": "Cancelada"}),
        ("es", "sent", "Enviado", {"campaign": "Enviada"}), ("fr", "scheduled", "Planifié", {"campaign": "Planifiée"}),
        ("fr", "expired", "Expiré", {"key": "Expirée"}), ("es", "revoked", "Revocado", {"key": "Revocada"}),
        ("pl", "revoked", "Unieważniono", {"key": "Unieważniony"}),
        ("pl", "broken", "Uszkodzone", {"domain": "Uszkodzona"}), ("fr", "published", "Publié", {"version": "Publiée"}),
        ("de", "cancelled", "Abgebrochen", {"campaign": "Abgebrochen"}),
        ("en", "cancelled", "Cancelled", {"campaign": "Cancelled"}),
    ],
)
def test_a_status_agrees_with_its_noun(language: str, status: str, plain: str, said_of: dict[str, str]) -> None:
    with translation.override(language):
        assert status_look(status).word == plain
        assert {noun: status_look(status, of=noun).word for noun in said_of} == said_of


def test_the_choices_of_a_campaign_are_those_of_its_pill() -> None:
    with translation.override("fr"):
        words = {str(choice.label) for choice in CampaignStatus}
        pills = {status_look(choice.value, of="campaign").word for choice in CampaignStatus}

    assert words == pills


@pytest.mark.parametrize(
    ("kind", "error", "german"),
    [
        (JOB_KIND, TOO_MANY_TRIED % {"most": "1,000,000"}, "mehr als 1.000.000 Zeilen"),
        ("export_contacts", "It stopped with an internal fault (KeyError). Nothing after it was changed; "
         "start it again, and look at the log if it stops again.", "internen Fehler (KeyError)"),
        ("gone", "Nothing here knows how to run a job of the kind “gone”.", "„gone“"),
        (JOB_KIND, "It stopped its worker too often and is not tried again.", "zu oft"),
        (JOB_KIND, "", ""),
    ],
)
def test_the_end_of_a_job_is_told(kind: str, error: str, german: str) -> None:
    job = Job(kind=kind, error=error)

    with translation.override("de"):
        told = jobs.error_of(job)

    assert german in told
    assert told != error or not error
    assert jobs.error_of(job) == error
