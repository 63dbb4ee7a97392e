"""Rows that know no mail: people, workspaces, keys, the audit log, jobs and stored files."""

from relayhub.core.models.access import ApiKey, Scope
from relayhub.core.models.audit import AuditEntry
from relayhub.core.models.files import StoredFile, StoredFileChunk
from relayhub.core.models.idempotency import IdempotencyRecord
from relayhub.core.models.jobs import Job, JobStatus
from relayhub.core.models.people import Invitation, Member, Role, User
from relayhub.core.models.refusals import Door, RefusedRequest
from relayhub.core.models.system import LoginThrottle, PeriodicRun, SystemState
from relayhub.core.models.workspace import BrandFont, Workspace

__all__ = [
    "ApiKey",
    "AuditEntry",
    "BrandFont",
    "Door",
    "IdempotencyRecord",
    "Invitation",
    "Job",
    "JobStatus",
    "LoginThrottle",
    "Member",
    "PeriodicRun",
    "RefusedRequest",
    "Role",
    "Scope",
    "StoredFile",
    "StoredFileChunk",
    "SystemState",
    "User",
    "Workspace",
]
