"""A secret between the POST that made it and the page that shows it: sealed in the session, gone once read.

So the page can be loaded again without making another secret, and nothing readable lies in the database.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta

from django.http import HttpRequest

from relayhub.core.clock import now
from relayhub.core.crypto import decrypt, encrypt
from relayhub.core.errors import ConfigurationError

_PURPOSE = "shown-once"
_LIFE = timedelta(minutes=5)


def keep(request: HttpRequest, name: str, values: dict[str, str]) -> None:
    """Seal the values for the next page of this person that asks for `name`."""
    body = json.dumps({"until": (now() + _LIFE).timestamp(), "values": values}).encode()
    request.session[f"once:{name}"] = base64.b64encode(encrypt(body, purpose=_PURPOSE)).decode()


def take(request: HttpRequest, name: str) -> dict[str, str] | None:
    """The values, once; None where there are none or they waited too long."""
    sealed = request.session.pop(f"once:{name}", None)
    if not isinstance(sealed, str):
        return None
    try:
        body = json.loads(decrypt(base64.b64decode(sealed), purpose=_PURPOSE))
    except (ConfigurationError, ValueError):
        return None
    if body["until"] < now().timestamp():
        return None
    return {str(key): str(value) for key, value in body["values"].items()}
