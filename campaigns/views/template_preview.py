"""What is said and shown of a template while it is written: findings, previews, and who else is writing."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import contacts, template_looks, template_presence, template_review, templates
from campaigns.forms.template import TemplateForm
from campaigns.models import Contact, MailTemplate
from campaigns.public.content import caged
from campaigns.views.common import template_of
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page


def chosen(request: PageRequest) -> Contact | None:
    """The contact whose address the field `as` holds."""
    text = _given(request, "as").strip()
    return contacts.find(request.actor.workspace, text) if text else None


def _given(request: PageRequest, name: str) -> str:
    return str(request.POST.get(name, request.GET.get(name, "")))


@require_POST
@page(Scope.TEMPLATES_READ)
def template_check(request: PageRequest, template_id: str) -> HttpResponse:
    """Findings, size and the lines a mail program shows, for the text as it stands in the page."""
    template_of(request, template_id)
    form = TemplateForm(request.POST)
    form.is_valid()
    content = form.content()
    found = template_review.review(
        request.actor.workspace, content, chosen(request), sample=form.sample_values()
    )
    return render(request, "campaigns/_template_check.html", {
        "review": found, "kind": content.kind, "sample_errors": form["sample"].errors,
    })


@require_http_methods(["GET", "HEAD", "POST"])
@xframe_options_sameorigin
@page(Scope.TEMPLATES_READ)
def template_preview(request: PageRequest, template_id: str) -> HttpResponse:
    """The mail as the chosen contact would get it, for the sandboxed frame: as saved, or as posted.

    `show=text` shows the plain text, `dark=1` its own dark styles, `images=off` what is left without pictures.
    """
    template = template_of(request, template_id)
    if request.method == "POST":
        form = TemplateForm(request.POST)
        form.is_valid()
        content, sample = form.content(), form.sample_values()
    else:
        content, sample = stored(template), template.sample
    found = template_review.review(request.actor.workspace, content, chosen(request), sample=sample)
    if found.shown is None:
        return caged(framed(found.errors[0].message))
    html = found.shown.html
    if _given(request, "show") == "text" or html is None:
        return caged(text_page(found.shown.text or ""))
    html = (template_looks.in_the_dark if _given(request, "dark") else template_looks.in_the_light)(html)
    if _given(request, "images") == "off":
        html = template_looks.without_images(html)
    return caged(html)


def stored(template: MailTemplate) -> templates.TemplateInput:
    """What the newest version says."""
    version = templates.newest(template)
    return templates.content_of(version) if version else templates.TemplateInput()


@require_GET
@page(Scope.TEMPLATES_READ)
def template_previews(request: PageRequest, template_id: str) -> HttpResponse:
    """The saved text side by side: desktop, phone, in the dark, without pictures, as plain text."""
    template = template_of(request, template_id)
    workspace, content = request.actor.workspace, stored(template)
    return render(request, "campaigns/template_previews.html", {
        "template": template, "version": templates.newest(template), "kind": content.kind,
        "review": template_review.review(workspace, content, chosen(request), sample=template.sample),
        "as_text": _given(request, "as"),
        "people": contacts.contacts_of(workspace).order_by("-id").values_list("email", flat=True)[:20],
    })


@require_GET
@page(Scope.TEMPLATES_READ)
def template_others(request: PageRequest, template_id: str) -> HttpResponse:
    """Who else has it open to write, and whether somebody saved since the page was opened; asked for by the page."""
    template = template_of(request, template_id)
    newest = templates.newest(template)
    can_write = request.actor.may(Scope.TEMPLATES_WRITE)
    return render(request, "campaigns/_template_others.html", {
        "template": template, "newest": newest,
        "others": template_presence.note(template, request.user) if can_write else [],
        "is_stale": newest is not None and request.GET.get("seen", "") != templates.stamp(newest),
    })


def text_page(text: str) -> str:
    """Plain text as mail programs show it."""
    return (
        "<!doctype html><meta charset=utf-8><title>" + _("Plain text") + "</title>"
        "<pre style='margin:0;padding:16px;font:14px/21px ui-monospace,monospace;white-space:pre-wrap;"
        f"overflow-wrap:anywhere;color:#1b1b18;background:#fff'>{escape(text)}</pre>"
    )


def framed(words: str) -> str:
    """A sentence in place of a mail."""
    return (
        "<!doctype html><meta charset=utf-8><title>" + _("Preview") + "</title>"
        f"<p style='margin:0;padding:24px;font:15px/22px sans-serif;color:#1b1b18;background:#fff'>{escape(words)}</p>"
    )
