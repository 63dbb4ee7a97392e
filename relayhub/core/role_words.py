"""What roles are called, by themselves and within a sentence, in the present language."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

_NAMES = {
    "viewer": pgettext_lazy("role", "Viewer"), "marketer": pgettext_lazy("role", "Marketer"),
    "developer": pgettext_lazy("role", "Developer"), "admin": pgettext_lazy("role", "Admin"),
    "owner": pgettext_lazy("role", "Owner"),
}
_WITHIN = {
    "viewer": pgettext_lazy("role within a sentence", "viewer"),
    "marketer": pgettext_lazy("role within a sentence", "marketer"),
    "developer": pgettext_lazy("role within a sentence", "developer"),
    "admin": pgettext_lazy("role within a sentence", "admin"),
    "owner": pgettext_lazy("role within a sentence", "owner"),
}
_ARTICLES = {
    "viewer": pgettext_lazy("role within a sentence", "a viewer"),
    "marketer": pgettext_lazy("role within a sentence", "a marketer"),
    "developer": pgettext_lazy("role within a sentence", "a developer"),
    "admin": pgettext_lazy("role within a sentence", "an admin"),
    "owner": pgettext_lazy("role within a sentence", "an owner"),
}


def name_of(role: str) -> str:
    """ "Owner"; "" for what is no role."""
    return str(_NAMES.get(role, ""))


def within(role: str) -> str:
    """The name as it stands within a sentence: "owner"."""
    return str(_WITHIN.get(role, role))


def with_article(role: str) -> str:
    """ "an owner", as far as the language has an article there."""
    return str(_ARTICLES.get(role, role))
