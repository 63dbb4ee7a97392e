"""What templates say in one word: numbers, times, statuses, icons, bars, form fields, navigation.

Every tag gives safe HTML without inline script or style: lengths are SVG attributes, state is in classes and
`data-` attributes. Formatting itself lives in `core.formats`, words and icons in `core.vocabulary`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.contrib.messages.storage.base import Message as FlashMessage
from django.template.context import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from relayhub.core import formats, jobs, languages, page_files, role_words, spoken
from relayhub.core.clock import now
from relayhub.core.formats import Number
from relayhub.core.models import Job
from relayhub.core.vocabulary import status_look

register = template.Library()

SPARK_WIDTH = 72
SPARK_HEIGHT = 26
EMPTY = mark_safe("")
#: What a colour is that is hardly told from a page: `--page` of tokens.css in the dark, white in the light.
PAGES = {"deep": "#131517", "pale": "#ffffff"}
#: A contrast (WCAG 2.2) below this shows no edge.
HARD_TO_TELL = 1.3


# -- numbers -------------------------------------------------------------------------------------------------
def _shown(text: str) -> SafeString:
    if text == formats.MISSING:
        return format_html('<span class="muted none">{}</span>', text)
    return format_html("{}", text)


@register.filter
def number(value: Number | None, digits: int = 0) -> SafeString:
    """"41,872"; a missing value is a muted dash."""
    return _shown(formats.number(value, digits))


@register.filter
def compact(value: Number | None) -> str:
    """"12.5k"."""
    return formats.compact(value)


@register.filter
def counted(value: int | None, noun: str) -> str:
    """"3,418 recipients", "1 recipient"; irregular: "entry,entries"."""
    return formats.counted(value, noun)


@register.filter
def job_title(job: Job) -> str:
    """What a job is called, in the present language."""
    return jobs.title_of(job)


@register.filter
def job_error(job: Job) -> str:
    """Why a job failed, in the present language."""
    return jobs.error_of(job)


@register.filter
def done_of(job: Job) -> str:
    """How far a job is: "1,200 of 3,418 contacts"."""
    return formats.progress(job.done, job.total, job.unit)


@register.filter
def percent(fraction: Number | None, digits: int = 1) -> SafeString:
    """A fraction of 1 as "29.6%"."""
    return _shown(formats.percent(fraction, digits))


@register.simple_tag
def share(part: Number | None, whole: Number | None, digits: int | None = None) -> SafeString:
    """Part of whole as "29.6%"; a dash where the whole is nothing."""
    return _shown(formats.share(part, whole, digits))


@register.filter
def size(size_bytes: int | None) -> SafeString:
    """"96 KB"."""
    return _shown(formats.size(size_bytes))


@register.filter
def duration(value: Any) -> SafeString:
    """Seconds or a timedelta as "22 min 41 s"."""
    return _shown(formats.duration(value))


@register.filter
def rate(per_unit: Number | None, unit: str = "minute") -> SafeString:
    """"1,140 a minute"."""
    return _shown(formats.rate(per_unit, unit))


# -- times ---------------------------------------------------------------------------------------------------
def _zone(context: Context) -> tzinfo:
    user = context.get("user")
    name = getattr(user, "timezone", "")
    if name and getattr(user, "is_authenticated", False):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            return timezone.get_current_timezone()
    return timezone.get_current_timezone()


def time_element(moment: datetime | None, zone: tzinfo, style: str) -> SafeString:
    """`<time>` in the zone, with the exact UTC time in its title; a muted dash for None."""
    if moment is None:
        return _shown(formats.MISSING)
    keeps_current = format_html(' data-relative="{}"', "") if style == "relative" else EMPTY
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        moment.isoformat(),
        formats.exact_utc(moment),
        keeps_current,
        formats.moment_text(moment, now=now(), zone=zone, style=style),
    )


@register.simple_tag(takes_context=True)
def when(context: Context, moment: datetime | None, style: str = "smart") -> SafeString:
    """A moment in the person's zone; styles: smart, seconds, millis, log, clock, date, full, relative."""
    return time_element(moment, _zone(context), style)


@register.simple_tag
def relative_words() -> SafeString:
    """What the page's script says "3 min ago" with, as attributes of `<html>`; nothing where it is English."""
    words = {} if spoken.language() == languages.SOURCE else formats.relative_words()
    return format_html_join("", ' data-{}="{}"', words.items())


@register.filter
def day_in(moment: datetime, zone: str) -> str:
    """The day of a moment in a named zone, as the present language writes it: "24 November 2026"."""
    return spoken.long_day(moment.astimezone(ZoneInfo(zone)).date())


# -- icons, statuses, bars -----------------------------------------------------------------------------------
@register.simple_tag
def icon(name: str, classes: str = "", label: str = "") -> SafeString:
    """An icon of the sprite, hidden from assistive technology unless labelled. Sizes: "i-sm", "i-lg"."""
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>',
            f"i {classes}".strip(), label, f"{static('img/icons.svg')}#{name}",
        )
    return _silent_icon(name, classes)


@lru_cache(maxsize=1024)  # a page has sixty, of a few hundred there are
def _silent_icon(name: str, classes: str) -> SafeString:
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}"/></svg>',
        f"i {classes}".strip(), f"{static('img/icons.svg')}#{name}",
    )


@register.simple_tag
def status(value: str, text: str = "", bare: bool = False, live: str = "", of: str = "") -> SafeString:
    """The pill of a status; `text` says more ("Sending · 63%"), `bare` is for running text and legends.

    `of` names what it is said of ("campaign", "job"), for languages whose words have genders.
    """
    look = status_look(value, of=of)
    return format_html(
        '<span class="rh-st s-{}{}"{}>{}{}</span>',
        look.tone,
        " bare" if bare else "",
        format_html(' data-live-status="{}"', live) if live else EMPTY,
        icon(look.icon),
        text or look.word,
    )


@register.filter
def within(word: str) -> str:
    """A word of a pill or a heading as it stands within a sentence."""
    return spoken.within(str(word))


@register.filter
def tone(value: str) -> str:
    """The class of a status' colours: "s-delivered"."""
    return f"s-{status_look(value).tone}"


@register.filter
def status_word(value: str, of: str = "") -> str:
    """The word of a status, as it is said of a campaign, a job …"""
    return status_look(value, of=of).word


@register.filter
def status_icon(value: str) -> str:
    """The icon of a status."""
    return status_look(value).icon


def _width(part: float, whole: float) -> float:
    return 0.0 if whole <= 0 else max(0.0, min(100.0, 100.0 * part / whole))


@register.simple_tag
def bar(
    value: Number | None, total: Number | None, tone: str = "", label: str = "", size: str = "",
    limit: Number | None = None, live: str = "",
) -> SafeString:
    """One filled bar. `tone` is a status, `size` "", "lg" or "thin"; `limit` draws a tick."""
    whole = float(total or 0)
    width = _width(float(value or 0), whole)
    fill = format_html(
        '<rect{}{} x="0" width="{}%" height="100%"/>',
        format_html(' class="s-{}"', status_look(tone).tone) if tone else EMPTY,
        format_html(' data-live-width="{}"', live) if live else EMPTY,
        f"{width:.2f}",
    )
    tick = EMPTY
    if limit is not None and whole > 0:
        tick = format_html(
            '<rect class="lim" x="{}%" width="2" height="100%"/>', f"{_width(float(limit), whole):.2f}"
        )
    return _bar_frame(fill + tick, label or f"{width:.0f}%", size)


@register.simple_tag
def stacked_bar(
    parts: Iterable[Mapping[str, Any]], total: Number | None = None, label: str = "", size: str = "lg"
) -> SafeString:
    """One bar of several statuses; a part is {"status", "value"}. Put `_legend.html` beside it."""
    rows = [(str(part["status"]), float(part["value"] or 0)) for part in parts]
    whole = float(total) if total else sum(value for _, value in rows)
    pieces: list[tuple[str, str, str]] = []
    start = 0.0
    for name, value in rows:
        width = min(_width(value, whole), 100.0 - start)
        if width > 0:
            pieces.append((status_look(name).tone, f"{start:.2f}", f"{width:.2f}"))
        start += width
    words = label or ", ".join(f"{status_look(name).word} {formats.number(value)}" for name, value in rows)
    fill = format_html_join("", '<rect class="s-{}" x="{}%" width="{}%" height="100%"/>', pieces)
    return _bar_frame(fill, words, size)


def _bar_frame(content: SafeString, label: str, size: str) -> SafeString:
    return format_html(
        '<svg class="{}" role="img" aria-label="{}" preserveAspectRatio="none">{}</svg>',
        f"rh-bar {size}".strip(), label, content,
    )


@register.simple_tag
def spark(values: Sequence[float | None], tone: str = "") -> SafeString:
    """A line of 72 by 26 px for a stat tile; nothing for fewer than two values. `tone` "" or "warn"."""
    known = [float(value or 0) for value in values]
    if len(known) < 2:
        return EMPTY
    top = max(known) or 1.0
    step = SPARK_WIDTH / (len(known) - 1)
    points = [
        (index * step, SPARK_HEIGHT - 2 - value / top * (SPARK_HEIGHT - 5))
        for index, value in enumerate(known)
    ]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    last_x, last_y = points[-1]
    return format_html(
        '<svg class="rh-spark {}" viewBox="0 0 {} {}" aria-hidden="true"><path class="a" d="{}L{} {}L0 {}Z"/>'
        '<path d="{}"/><circle cx="{}" cy="{}" r="2.2"/></svg>',
        tone, SPARK_WIDTH, SPARK_HEIGHT, line, SPARK_WIDTH, SPARK_HEIGHT, SPARK_HEIGHT,
        line, f"{last_x:.1f}", f"{last_y:.1f}",
    )


@register.simple_tag
def delta(change: Number | None, text: str = "", good: str = "") -> SafeString:
    """An arrow with its words; `good` is "up", "down" or "" where neither is. Say the comparison after it."""
    if change is None:
        return EMPTY
    direction = "up" if change > 0 else "down" if change < 0 else ""
    name = {"up": "arrow-up-right", "down": "arrow-down-right"}.get(direction, "arrow-right")
    mood = "" if not good or not direction else " good" if direction == good else " bad"
    words = text or formats.number(abs(float(change)), 1)
    return format_html('<span class="rh-delta{}">{}{}</span>', mood, icon(name, "i-sm"), words)


# -- navigation, addresses -----------------------------------------------------------------------------------
@register.simple_tag
def nav_url(name: str, *args: Any) -> str:
    """The address of a page, or "" while there is no such page: navigation shows only what works."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def nav_item(
    context: Context, name: str, label: str, icon_name: str, note: str = "", alert: int = 0, live: str = ""
) -> SafeString:
    """A line of the navigation, nothing while its page is not routed. `alert` counts troubles.

    `live` is the key under which a live feed fills the words beside it.
    """
    address = nav_url(name)
    if not address:
        return EMPTY
    marker = EMPTY
    if alert:
        marker = format_html(
            '<span class="n alert"><span class="visually-hidden">{}: </span>{}</span>', _("needs attention"), alert
        )
    elif live:
        marker = format_html('<span class="n" data-live-key="{}">{}</span>', live, note or "")
    elif note:
        marker = format_html('<span class="n">{}</span>', note)
    current = mark_safe(' aria-current="page"') if _is_current(context, name) else EMPTY
    return format_html('<li><a href="{}"{}>{}{}{}</a></li>', address, current, icon(icon_name), label, marker)


def _is_current(context: Context, name: str) -> bool:
    """Whether the page belongs to that entry: by `nav`, else by the first word of its URL name."""
    stem = name.partition("-")[0]
    given = context.get("nav")
    if given:
        return str(given) in {name, stem}
    match = getattr(context.get("request"), "resolver_match", None)
    here = getattr(match, "url_name", None) or ""
    if stem == "settings" and here.startswith(("mfa_", "account_")):
        return True
    return here == name or (stem != "home" and here.startswith(f"{stem}-"))


@register.simple_tag(takes_context=True)
def url_query(context: Context, **changes: Any) -> str:
    """The page's own query with changes ("" or None drops one); places of pages are dropped unless given."""
    request = context.get("request")
    query = request.GET.copy() if request is not None else None
    if query is None:
        return "?"
    for key in ("cursor", "newer"):
        query.pop(key, None)
    for key, value in changes.items():
        if value in (None, ""):
            query.pop(key, None)
        else:
            query[key] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def sort_head(
    context: Context, key: str, label: str, classes: str = "", first: str = "desc", default: str = ""
) -> SafeString:
    """`<th>` with a link that sorts by `?sort=key`, `-key` for descending, and tells its `aria-sort`.

    `first`: the way it is sorted at the first click; `default`: how the table is sorted unless told.
    """
    request = context.get("request")
    present = (request.GET.get("sort", "") if request is not None else "") or default
    ascending, descending = key, f"-{key}"
    turns_down = present == ascending or (present != descending and first == "desc")
    following = descending if turns_down else ascending
    state = {ascending: "ascending", descending: "descending"}.get(present, "")
    mark = icon("chevron-up" if state == "ascending" else "chevron-down", "i-sm") if state else EMPTY
    return format_html(
        '<th scope="col"{}{}><a href="{}">{}{}</a></th>',
        format_html(' class="{}"', classes) if classes else EMPTY,
        format_html(' aria-sort="{}"', state) if state else EMPTY,
        url_query(context, sort=following), label, mark,
    )


@register.simple_tag(takes_context=True)
def chip(context: Context, key: str, value: str, label: str, count: int | str | None = None) -> SafeString:
    """A filter that is a link: `?key=value` on, again off."""
    request = context.get("request")
    is_on = request is not None and request.GET.get(key, "") == value
    target = url_query(context, **{key: None if is_on else value})
    return format_html(
        '<a class="rh-chip{}" href="{}"{}>{}{}{}</a>',
        " on" if is_on else "", target,
        mark_safe(' aria-current="true"') if is_on else EMPTY,
        label,
        format_html(' <span class="num">{}</span>', formats.number(int(count))) if count not in (None, "") else EMPTY,
        icon("x", "i-sm", _("remove this filter")) if is_on else EMPTY,
    )


# -- files of a page -----------------------------------------------------------------------------------------
for _tag in (page_files.stylesheets, page_files.modules, page_files.words_of_scripts, page_files.chart_files,
             page_files.code_styles, page_files.code_files):
    register.simple_tag(_tag)


# -- small things --------------------------------------------------------------------------------------------
@register.filter
def initials(name: str) -> str:
    """Up to two letters for a round mark."""
    return formats.initials(str(name))


@register.filter
def role_word(role: str) -> str:
    """What a role is called: "Owner"."""
    return role_words.name_of(role)


@register.filter
def role_within(role: str) -> str:
    """The same as it stands within a sentence: "owner"."""
    return role_words.within(role)


@register.filter
def may(actor: Any, permission: str) -> bool:
    """Whether the actor holds a permission: `{% if actor|may:"campaigns.write" %}`."""
    return actor is not None and bool(getattr(actor, "may", lambda _: False)(permission))


@register.filter
def get(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    """A value of a dict by a key that is only known in the template."""
    return mapping.get(key) if mapping else None


@register.filter
def language_name(tag: str) -> str:
    """What people call a language: "German" for `de`."""
    return languages.name_of(tag) if tag else ""


@register.filter
def contrast(colour: str) -> str:
    """ "on-dark" or "on-light": which text reads on that `#rrggbb`; "deep" or "pale" as well where it is hard to tell
    from a dark or a light page.
    """
    words = ["on-dark" if formats.is_dark(str(colour or "")) else "on-light"]
    if colour:
        words += [name for name, page in PAGES.items() if formats.contrast_ratio(colour, page) < HARD_TO_TELL]
    return " ".join(words)


@register.filter
def ink_on(colour: str) -> str:
    """Black or white, whichever reads on that `#rrggbb`: for mails, which know no tokens."""
    return "#ffffff" if formats.is_dark(str(colour or "")) else "#1b1f22"


@register.filter
def undo_url(message: FlashMessage) -> str:
    """The address that undoes what a flash message tells: `extra_tags="undo=/address"`."""
    for tag in (message.extra_tags or "").split():
        if tag.startswith("undo=/"):
            return tag.removeprefix("undo=")
    return ""


@register.filter
def breakable(address: str) -> SafeString:
    """An address that breaks after its @ rather than within a name."""
    local, at, domain = str(address or "").rpartition("@")
    return format_html("{}@<wbr>{}", local, domain) if at else format_html("{}", address)
