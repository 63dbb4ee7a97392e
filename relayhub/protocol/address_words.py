"""What is said of a text that is no address; stored as it stands, and told again in the reader's language."""

from relayhub.protocol.wording import gettext_noop as _

LOCAL_TOO_LONG = _("The part before the @ is over 64 octets.")
SEVERAL = _("One address is wanted, not several.")
CONTROL = _("Line breaks and control characters are not accepted.")
UNMATCHED = _("Quotes, brackets or parentheses do not match.")
BEHIND_BRACKET = _("Text behind the closing bracket.")
UNCLOSED = _("A bracket or parenthesis is not closed.")
MISSING = _("An address is missing.")
TOO_LONG = _("The address is over 254 octets.")
NAME_TOO_LONG = _("The name is over 998 octets.")
GROUP = _("Groups are not accepted.")
NO_AT = _("An address has an @ between name and domain.")
LOCAL_PART = _("The part before the @ is malformed.")
DOMAIN_TOO_LONG = _("The domain is over 255 octets.")
DOMAIN = _("The domain is malformed.")
NO_DOT = _("The domain needs a dot.")
LITERAL = _("The address literal is malformed.")
NO_LITERALS = _("Address literals are not accepted; write a domain.")
NOT_INTERNATIONAL = _("The domain is not a valid international name.")
REFUSED_SUFFIX = _("No mail can reach .%(name)s domains.")

#: Every sentence of an `AddressError` but that of a list without end, which no stored text holds.
SENTENCES = (
    LOCAL_TOO_LONG, SEVERAL, CONTROL, UNMATCHED, BEHIND_BRACKET, UNCLOSED, MISSING, TOO_LONG, NAME_TOO_LONG,
    GROUP, NO_AT, LOCAL_PART, DOMAIN_TOO_LONG, DOMAIN, NO_DOT, LITERAL, NO_LITERALS, NOT_INTERNATIONAL,
    REFUSED_SUFFIX,
)
