"""Numbers, sizes, durations and times as people read them; the one place that knows how RelayHub writes them.

Functions without HTML, for templates (`relayhub_extras`), live updates, letters and exports alike, in the language
that is active (`core.spoken`). A value that is missing reads as an en dash, zero reads as 0. Nothing here reads the
clock: `now` comes in.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override, pgettext

from relayhub.core import nouns, spoken
from relayhub.core.languages import SOURCE

MISSING = "–"
#: Below this base a rate gets no decimals: they would claim a precision the count does not carry.
SMALL_BASE = 100
KIB = 1024
_MINUTE_SECONDS = 60
_HOUR_SECONDS = 3600
_DAY_SECONDS = 86_400

Number = int | float | Decimal


def number(value: Number | None, digits: int = 0) -> str:
    """`41872` as "41,872"."""
    return MISSING if value is None else spoken.digits(f"{value:,.{digits}f}")


def compact(value: Number | None) -> str:
    """`12480` as "12.5k", for chart ticks and narrow places; exact below 1,000."""
    if value is None:
        return MISSING
    for limit, suffix in ((1_000_000_000, "bn"), (1_000_000, "m"), (1_000, "k")):
        if abs(float(value)) >= limit:
            return spoken.digits(f"{float(value) / limit:.1f}".removesuffix(".0")) + suffix
    return number(value)


def counted(value: int | None, noun: str) -> str:
    """`3418, "recipient"` as "3,418 recipients"; an irregular plural after a comma: "entry,entries".

    The nouns of `core.nouns` are said in the present language.
    """
    return nouns.counted(noun, value or 0, number(value))


def recorded(value: int, noun: str) -> str:
    """`counted` for what is kept, such as the audit log: in the language of the source, whoever acts."""
    with override(SOURCE):
        return counted(value, noun)


def progress(done: int, total: int | None, unit: str) -> str:
    """How far work is, with its unit as it is kept in the plural: "1,200 of 3,418 contacts", "1,200 contacts"."""
    noun = nouns.one_of(unit)
    if total is None:
        return counted(done, noun)
    return _("%(done)s of %(total)s") % {"done": number(done), "total": counted(total, noun)}


def percent(fraction: Number | None, digits: int = 1) -> str:
    """`0.296` as "29.6%"."""
    return MISSING if fraction is None else spoken.per_cent(f"{float(fraction) * 100:.{digits}f}")


def share(part: Number | None, whole: Number | None, digits: int | None = None) -> str:
    """The part as a percentage of the whole; a dash where there is no whole. Small bases get no decimals."""
    if part is None or not whole:
        return MISSING
    if digits is None:
        digits = 0 if whole < SMALL_BASE else 1
    return percent(float(part) / float(whole), digits)


def size(size_bytes: int | None) -> str:
    """`98304` as "96 KB"; K is 1,024, as mailbox providers count."""
    if size_bytes is None:
        return MISSING
    for limit, unit, places in ((KIB**3, _("GB"), 1), (KIB**2, _("MB"), 1), (KIB, _("KB"), 0)):
        if size_bytes >= limit:
            return f"{number(size_bytes / limit, places)} {unit}"
    return ngettext("%(count)s byte", "%(count)s bytes", size_bytes) % {"count": number(size_bytes)}


def duration(value: timedelta | Number | None) -> str:
    """Seconds or a timedelta as "22 min 41 s"; two units at most, milliseconds below a second."""
    if value is None:
        return MISSING
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 0:
        return MISSING
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    whole = round(seconds)
    if whole < _MINUTE_SECONDS:
        return f"{whole} s"
    if whole < _HOUR_SECONDS:
        return _two(whole // 60, "min", whole % 60, "s")
    if whole < _DAY_SECONDS:
        return _two(whole // _HOUR_SECONDS, "h", whole % _HOUR_SECONDS // 60, "min")
    return _two(whole // _DAY_SECONDS, _day(), whole % _DAY_SECONDS // _HOUR_SECONDS, "h")


def _day() -> str:
    return pgettext("unit", "d")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def rate(per_unit: Number | None, unit: str = "minute") -> str:
    """`1140` as "1,140 a minute"; one decimal below ten."""
    if per_unit is None:
        return MISSING
    digits = 1 if 0 < per_unit < 10 and float(per_unit) != int(per_unit) else 0
    words = {
        "second": _("%(count)s a second"), "minute": _("%(count)s a minute"), "hour": _("%(count)s an hour"),
        "day": _("%(count)s a day"),
    }
    return words[unit] % {"count": number(per_unit, digits)}


def relative(moment: datetime, *, now: datetime) -> str:
    """How far away: "3 min ago", "in 2 h", "now"."""
    seconds = (now - moment).total_seconds()
    distance = abs(seconds)
    if distance < 5:
        return _("now")
    for limit, unit in ((_DAY_SECONDS, _day()), (_HOUR_SECONDS, "h"), (_MINUTE_SECONDS, "min"), (1, "s")):
        if distance >= limit:
            span = {"span": f"{int(distance // limit)} {unit}"}
            return _("%(span)s ago") % span if seconds > 0 else _("in %(span)s") % span
    return _("now")


def relative_words() -> dict[str, str]:
    """The words of `relative`, for a script that keeps it true."""
    return {"now": _("now"), "ago": _("%(span)s ago"), "ahead": _("in %(span)s"), "day": _day()}


def moment_text(moment: datetime, *, now: datetime, zone: tzinfo, style: str = "smart") -> str:
    """A moment in the person's zone, 24 hours.

    Styles: smart "Today, 10:24" | inline "today, 10:24", within a sentence | log "Today, 10:46:51" |
    seconds "10:46:51" today | millis | clock "10:24" | date "Wed 18 Nov" |
    full "Tuesday 24 November 2026, 10:47" | relative "3 min ago".
    """
    if style == "relative":
        return relative(moment, now=now)
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    if style == "clock":
        return f"{local:%H:%M}"
    if style == "full":
        return f"{spoken.long_day(local, with_weekday=True)}, {local:%H:%M}"
    day = spoken.short_day(local, with_year=local.year != today.year)
    if style == "date":
        return day
    if style in {"seconds", "millis"}:
        clock = f"{local:%H:%M:%S}" + (f".{local.microsecond // 1000:03d}" if style == "millis" else "")
        return clock if local.date() == today else f"{day}, {clock}"
    clock = f"{local:%H:%M:%S}" if style == "log" else f"{local:%H:%M}"
    near = {0: _("Today"), 1: _("Tomorrow"), -1: _("Yesterday")}.get((local.date() - today).days, "")
    return f"{(near.lower() if style == 'inline' else near) or day}, {clock}"


def exact_utc(moment: datetime) -> str:
    """The moment for a `title`: "2026-11-24 09:46:51 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def initials(name: str) -> str:
    """Up to two letters that stand for a name or an address."""
    words = [word for word in name.partition("@")[0].replace(".", " ").replace("_", " ").split() if word]
    if not words:
        return "?"
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "")
    return letters.upper()


def _linear(part: float) -> float:
    """An sRGB channel made linear; WCAG 2.2, "relative luminance"."""
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _luminance(colour: str) -> float | None:
    """Relative luminance of `#rrggbb` by WCAG 2.2, 0 to 1; None for what is no colour."""
    text = colour.lstrip("#")
    try:
        parts = [int(text[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    except ValueError:
        return None
    red, green, blue = map(_linear, parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(one: str, other: str) -> float:
    """The contrast of two colours by WCAG 2.2, 1 to 21; an unreadable colour counts as black."""
    low, high = sorted((_luminance(one) or 0.0, _luminance(other) or 0.0))
    return (high + 0.05) / (low + 0.05)


def is_dark(colour: str) -> bool:
    """Whether white reads better than black on `#rrggbb`; by the contrast formula of WCAG 2.2.

    An unreadable colour counts as dark, as our own accent is.
    """
    luminance = _luminance(colour)
    return True if luminance is None else 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05


def readable_on(colour: str, ground: str, *, ratio: float = 4.5) -> str:
    """The colour, moved towards black or white until text in it reads on the ground (WCAG 2.2 AA: 4.5)."""
    if _luminance(colour) is None:
        colour = "#000000"
    target = 255 if is_dark(ground) else 0
    parts = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    for step in range(21):
        mixed = "#" + "".join(f"{round(part + (target - part) * step / 20):02x}" for part in parts)
        if contrast_ratio(mixed, ground) >= ratio:
            return mixed
    return "#ffffff" if target else "#000000"
