"""How django-allauth keeps second factors here: their secrets are encrypted at rest like every other."""

from __future__ import annotations

import base64

from allauth.mfa.adapter import DefaultMFAAdapter

from relayhub.core.crypto import decrypt, encrypt

_PURPOSE = "second-factor"
#: Marks what is sealed; a secret without it was stored before there was encryption.
_MARK = "sealed:"


class MfaAdapter(DefaultMFAAdapter):
    """Seals TOTP secrets and recovery seeds."""

    def encrypt(self, text: str) -> str:
        """What is stored."""
        return _MARK + base64.b64encode(encrypt(text.encode(), purpose=_PURPOSE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """What was sealed; an unsealed value as it is."""
        if not encrypted_text.startswith(_MARK):
            return encrypted_text
        return decrypt(base64.b64decode(encrypted_text.removeprefix(_MARK)), purpose=_PURPOSE).decode()
