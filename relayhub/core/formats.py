"""Numbers, sizes, durations and times as people read them; the one place that knows how RelayHub writes them.

Pure functions without HTML, for templates (`relayhub_extras`), live updates, letters and exports alike.
A value that is missing reads as an en dash, zero reads as 0. Nothing here reads the clock: `now` comes in.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

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
    return MISSING if value is None else f"{value:,.{digits}f}"


def compact(value: Number | None) -> str:
    """`12480` as "12.5k", for chart ticks and narrow places; exact below 1,000."""
    if value is None:
        return MISSING
    for limit, suffix in ((1_000_000_000, "bn"), (1_000_000, "m"), (1_000, "k")):
        if abs(float(value)) >= limit:
            return f"{float(value) / limit:.1f}".removesuffix(".0") + suffix
    return number(value)


def counted(value: int | None, noun: str) -> str:
    """`3418, "recipient"` as "3,418 recipients"; an irregular plural after a comma: "entry,entries"."""
    singular, _, plural = noun.partition(",")
    word = singular if value == 1 else plural or f"{singular}s"
    return f"{number(value)} {word}"


def percent(fraction: Number | None, digits: int = 1) -> str:
    """`0.296` as "29.6%"."""
    return MISSING if fraction is None else f"{float(fraction) * 100:.{digits}f}%"


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
    if size_bytes < KIB:
        return counted(size_bytes, "byte")
    for limit, unit in ((KIB**3, "GB"), (KIB**2, "MB")):
        if size_bytes >= limit:
            return f"{size_bytes / limit:.1f} {unit}"
    return f"{size_bytes / KIB:.0f} KB"


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
    return _two(whole // _DAY_SECONDS, "d", whole % _DAY_SECONDS // _HOUR_SECONDS, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def rate(per_unit: Number | None, unit: str = "minute") -> str:
    """`1140` as "1,140 a minute"; one decimal below ten."""
    if per_unit is None:
        return MISSING
    digits = 1 if 0 < per_unit < 10 and float(per_unit) != int(per_unit) else 0
    return f"{number(per_unit, digits)} {'an' if unit == 'hour' else 'a'} {unit}"


def relative(moment: datetime, *, now: datetime) -> str:
    """How far away: "3 min ago", "in 2 h", "now"."""
    seconds = (now - moment).total_seconds()
    distance = abs(seconds)
    if distance < 5:
        return "now"
    for limit, unit in ((_DAY_SECONDS, "d"), (_HOUR_SECONDS, "h"), (_MINUTE_SECONDS, "min"), (1, "s")):
        if distance >= limit:
            text = f"{int(distance // limit)} {unit}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "now"


def moment_text(moment: datetime, *, now: datetime, zone: tzinfo, style: str = "smart") -> str:
    """A moment in the person's zone, 24 hours.

    Styles: smart "Today, 10:24" | inline "today, 10:24", within a sentence | seconds "10:46:51" today | millis |
    clock "10:24" | date "Wed 18 Nov" |
    full "Tuesday 24 November 2026, 10:47" | relative "3 min ago".
    """
    if style == "relative":
        return relative(moment, now=now)
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    if style == "clock":
        return f"{local:%H:%M}"
    if style == "full":
        return f"{local:%A} {local.day} {local:%B %Y, %H:%M}"
    day = f"{local:%a} {local.day} {local:%b}" if local.year == today.year else f"{local.day} {local:%b %Y}"
    if style == "date":
        return day
    if style in {"seconds", "millis"}:
        clock = f"{local:%H:%M:%S}" + (f".{local.microsecond // 1000:03d}" if style == "millis" else "")
        return clock if local.date() == today else f"{day}, {clock}"
    near = {0: "Today", 1: "Tomorrow", -1: "Yesterday"}.get((local.date() - today).days, "")
    return f"{(near.lower() if style == 'inline' else near) or day}, {local:%H:%M}"


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
