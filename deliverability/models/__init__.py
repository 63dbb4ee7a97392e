"""Rows about whether and how we may send: domains, their checks and keys, suppressed addresses."""

from deliverability.models.domain import (
    CheckOutcome,
    DomainCheck,
    DomainCheckChange,
    DomainShare,
    DomainStatus,
    SendingDomain,
)
from deliverability.models.key import DkimKey, KeyAlgorithm, KeyState
from deliverability.models.suppression import Suppression, SuppressionReason, SuppressionScope

__all__ = [
    "CheckOutcome",
    "DkimKey",
    "DomainCheck",
    "DomainCheckChange",
    "DomainShare",
    "DomainStatus",
    "KeyAlgorithm",
    "KeyState",
    "SendingDomain",
    "Suppression",
    "SuppressionReason",
    "SuppressionScope",
]
