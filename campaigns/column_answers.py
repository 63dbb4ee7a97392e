"""Whether a person agreed to a list, as files of other tools say it: `ja`, `unsubscribed`, an x or nothing. Pure.

A column may say who agreed (`AGREED`) or who left (`LEFT`). Only a clear yes puts somebody on a list: no, nothing, and
what means neither do not. The words are those of the exports of newsletter tools and of spreadsheets, in the languages
of our users.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from campaigns.column_values import DATE_DMY, DATE_MDY, NO, YES, fits, plain
from campaigns.models import FieldType

#: What a column becomes that says who agreed to the list, or who left it. The dot keeps them apart from fields.
AGREED, LEFT = "list.agreed", "list.left"
TARGETS = (AGREED, LEFT)


class Answer(StrEnum):
    """What a row says about being put on the list; only a yes puts somebody there."""

    YES = "yes"
    NO = "said_no"
    EMPTY = "empty"
    UNCLEAR = "unclear"


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in " ".join(text.split()).split(",") if word.strip())


#: Yes and no as any column has them; spreadsheets write TRUE and FALSE in the language of their person.
_PLAIN_YES = frozenset(plain(word) for word in YES) | _words("""
    x, t, s, o, 1 0, wahr, vrai, verdadero, vero, prawda, checked, ok
""")
_PLAIN_NO = frozenset(plain(word) for word in NO) | _words("f, 0 0, falsch, faux, falso, falsz, unchecked")
#: States of a subscription; `plain` makes words so.
_STATE_YES = _words("""
    subscribed, subscribe, subscriber, confirmed, opted in, opt in, optin, double opt in, single opt in, active, agreed,
    accepted, granted, given, consented, allowed, abonniert, angemeldet, bestatigt, eingewilligt, zugestimmt, erteilt,
    aktiv, erlaubt, abonne, abonnee, inscrit, inscrite, confirme, confirmee, accepte, acceptee, actif, d accord,
    suscrito, suscrita, confirmado, confirmada, acepta, acepto, aceptado, aceptada, activo, activa, zapisany, zapisana,
    potwierdzony, potwierdzona, potwierdzono, aktywny, aktywna, wyrazona, wyrazono, subskrybuje, zgoda
""")
_STATE_NO = _words("""
    unsubscribed, unsubscribe, non subscribed, nonsubscribed, not subscribed, non subscriber, cleaned, bounced, hard
    bounced, soft bounced, hard bounce, soft bounce, bounce, opted out, opt out, optout, inactive, unconfirmed, not
    confirmed, not opted in, pending, blocked, blocklisted, blacklisted, suppressed, excluded, complained, complaint,
    spam, abuse, junk, invalid, deleted, archived, removed, never subscribed, declined, refused, rejected, denied,
    revoked, withdrawn, expired, abgemeldet, ausgetragen, nicht angemeldet, nicht abonniert, unbestatigt, nicht
    bestatigt, ausstehend, widerrufen, abgelehnt, inaktiv, gesperrt, unzustellbar, desabonne, desabonnee, desinscrit,
    desinscrite, non abonne, non abonnee, non inscrit, non inscrite, non confirme, non confirmee, en attente, refuse,
    refusee, inactif, bloque, bloquee, retire, baja, de baja, dado de baja, dada de baja, no suscrito, no suscrita,
    desuscrito, desuscrita, no confirmado, no confirmada, pendiente, rechazado, rechazada, inactivo, inactiva,
    cancelado, cancelada, bloqueado, bloqueada, wypisany, wypisana, niezapisany, niezapisana, niepotwierdzony,
    niepotwierdzona, nieaktywny, nieaktywna, oczekuje, oczekujacy, odrzucony, odrzucona, zrezygnowal, zrezygnowala,
    cofnieta, wycofana, brak zgody
""")
#: Nothing is said, in a word.
_NOTHING = _words("null, none, nil, n a, na, nan, undefined, unknown, not set, unset, brak")
#: Such a state is said of a subscription and hardly of anything else: a column of them is told by its values alone.
_TELLING = _words("""
    subscribed, unsubscribed, non subscribed, nonsubscribed, not subscribed, cleaned, opted in, opted out, unconfirmed,
    blocklisted, abonniert, abgemeldet, nicht abonniert, abonne, desabonne, non abonne, desinscrit, suscrito,
    no suscrito, dado de baja, desuscrito, zapisany, wypisany, niezapisany, subskrybuje
""")
_SIGNS_YES, _SIGNS_NO = frozenset("✓✔☑✅+"), frozenset("✗✘☐❌✖")
_DASHES = frozenset("-‐‑–—./")
#: Cells that are longer say more than yes or no.
_LONGEST = 60


@lru_cache(maxsize=4096)
def _agreed(cell: str) -> Answer:
    word = plain(cell)
    if not word:
        return (
            Answer.YES if set(cell) <= _SIGNS_YES else Answer.NO if set(cell) <= _SIGNS_NO
            else Answer.EMPTY if set(cell) <= _DASHES else Answer.UNCLEAR
        )
    if word in _NOTHING:
        return Answer.EMPTY
    if word in _PLAIN_YES or word in _STATE_YES:
        return Answer.YES
    return Answer.NO if word in _PLAIN_NO or word in _STATE_NO else Answer.UNCLEAR


@lru_cache(maxsize=4096)
def _left(cell: str) -> Answer:
    word = plain(cell)
    is_date = any(fits(FieldType.DATE, written, cell) for written in (DATE_DMY, DATE_MDY))
    if word in _PLAIN_YES or is_date or (not word and set(cell) <= _SIGNS_YES):
        return Answer.NO
    if word in _PLAIN_NO or word in _NOTHING or (not word and set(cell) <= _SIGNS_NO | _DASHES):
        return Answer.YES
    return Answer.UNCLEAR


def agreed(cell: str) -> Answer:
    """What a cell says in a column of those who agreed."""
    cell = cell.strip()
    return Answer.EMPTY if not cell else Answer.UNCLEAR if len(cell) > _LONGEST else _agreed(cell)


def left(cell: str) -> Answer:
    """What a cell says in a column of those who left: yes or a day is a no to the list, no or nothing is in its favour.
    """
    cell = cell.strip()
    return Answer.YES if not cell else Answer.UNCLEAR if len(cell) > _LONGEST else _left(cell)


def of_row(agreed_cell: str | None, left_cell: str | None) -> tuple[Answer, str]:
    """What a row says with both columns, None where there is no such, and the cell that said it."""
    if left_cell is not None:
        found = left(left_cell)
        if found != Answer.YES or agreed_cell is None:
            return found, left_cell.strip()
    return (agreed(agreed_cell), agreed_cell.strip()) if agreed_cell is not None else (Answer.YES, "")


# -- which columns say so ------------------------------------------------------------------------------------

#: In the heading of a column of those who left; a heading is as `plain` makes it.
_LEFT_HEADING = re.compile(r"""
    \bunsub\w* | \bopt(?:ed)?\ ?out\b | hasoptedout | \bblack\ ?list\w* | \bblock\ ?list\w* | \bdo\ not\ (?:e\ ?)?mail\b
    | \bno\ (?:more\ )?(?:news\w*|e\ ?mails?|mails?)\b | \bexcluded\b | \babgemeldet\b | \babmeld\w* | \bausgetragen\b
    | \bwiderr\w* | \bkeine?\ (?:news\w*|werbung|mails?|e\ ?mails?)\b | \bdesabonn\w* | \bdesinscri\w* | \bbaja\b
    | \bwypis\w* | \bz?rezygn\w* | \bcofni\w*
""", re.VERBOSE)
#: In the heading of a column of those who agreed.
_AGREED_HEADING = re.compile(r"""
    \b(?:double\ )?opt(?:ed)?\ ?in\b | \bsubscri\w* | \bconsent\w* | \bnewsletter\w*
    | \binfo(?:lettre|brief)\w* | \bgdpr\b | \bdsgvo\b | \brgpd\b | \brodo\b | \bpermission\b
    | \w*einwillig\w* | \beingewilligt\b | \bzu(?:ge)?stimm\w* | \babonn\w* | \babo\b | \bsuscri\w*
    | \bconsient\w* | \bboletin\w* | \bzgod[aey]?\b | \bsubskryb\w* | \bsubskrypcj\w* | \bbiuletyn\w*
""", re.VERBOSE)
#: Headings that mean it only as a whole.
_WHOLE_HEADINGS = _words("""
    marketing, accepts marketing, accepts email marketing, email marketing, marketing emails, agreed, agrees, agree,
    mailing, mailing list, mailings, wants mail, werbung, e mail werbung, werbung erlaubt, erlaubnis, angemeldet,
    mailverteiler, verteiler, accord, accepte, inscrit, inscrite, inscription, acepta, acuerdo, autorizacion, permiso,
    acepta publicidad, publicidad, zapisany, zapisana, lista mailingowa, mailing marketingowy
""")
#: What such a heading is about instead: when, how, or leave to do something else.
_ELSE = re.compile(r"""
    \b(?:id|date|datum|data|fecha|time|zeit|at|am|on|ip|source|quelle|origen|zrodlo|url|link|count|anzahl|by|via|method|
    text|sprache|langue|language|type|plan|frequency|sms|mms|phone|telefon\w*|whatsapp|call|push|cookies?|terms|agb|post|
    letter|third|processing|verarbeitung|traitement|przetwarzan\w*|tratamiento|photos?|fotos?)\b
""", re.VERBOSE)
_ELSE_OF_LEFT = re.compile(r"\b(?:id|ip|source|quelle|url|link|count|anzahl|by|via|reason|grund|sms|phone|push|post)\b")
#: What stands behind a heading to say how it is to be filled in: "Newsletter (ja/nein)".
_HOW = re.compile(r"(?: (?:yes no|y n|ja nein|j n|oui non|o n|si no|s n|tak nie|t n|true false|0 1|1 0|x))$")
#: Such a part of the values has to be understood; half of them where the heading says what they are.
_ENOUGH, _ENOUGH_WITH_HEADING = 0.8, 0.5


def understood(target: str, values: Sequence[str]) -> float:
    """Which part of the values means yes or no in a column of that kind; 1.0 where there are none."""
    read = agreed if target == AGREED else left
    return sum(1 for value in values if read(value) != Answer.UNCLEAR) / len(values) if values else 1.0


def target_of(heading: str, values: Sequence[str]) -> str:
    """`AGREED` or `LEFT` where a column says so by its heading and its values that are not empty, else ""."""
    words = _HOW.sub("", plain(heading))
    if _LEFT_HEADING.search(words):
        named = "" if _ELSE_OF_LEFT.search(words) else LEFT
    else:
        is_named = _AGREED_HEADING.search(words) or words in _WHOLE_HEADINGS
        named = AGREED if is_named and not _ELSE.search(words) else ""
    if named and understood(named, values) >= _ENOUGH_WITH_HEADING:
        return named
    tells = any(plain(value) in _TELLING for value in values)
    return AGREED if tells and understood(AGREED, values) >= _ENOUGH else ""
