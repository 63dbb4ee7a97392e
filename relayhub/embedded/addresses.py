"""Where the embedded servers of a data folder listen, as written by whoever started them.

`<data>/embedded.json` (mode 0600) holds sockets and passwords. Reading it never starts anything.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote

FILE_NAME = "embedded.json"


@dataclass(frozen=True, kw_only=True)
class EmbeddedAddresses:
    """Sockets and credentials of both servers; sockets live in a short folder of their own."""

    socket_folder: str
    postgres_port: int = 5432
    postgres_user: str = "relayhub"
    postgres_password: str = field(default="", repr=False)
    postgres_database: str = "relayhub"
    valkey_socket: str = ""
    valkey_password: str = field(default="", repr=False)

    @property
    def redis_url(self) -> str:
        """The Redis URL of the unix socket, database 0."""
        return f"unix://:{quote(self.valkey_password)}@{self.valkey_socket}?db=0"

    @property
    def broker_url(self) -> str:
        """The same in Celery's spelling."""
        return f"redis+socket://:{quote(self.valkey_password)}@{self.valkey_socket}?virtual_host=0"


def read(data_folder: Path) -> EmbeddedAddresses | None:
    """The addresses, or None where no embedded server was ever started (or the file is not readable)."""
    try:
        return EmbeddedAddresses(**json.loads((data_folder / FILE_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(data_folder: Path, addresses: EmbeddedAddresses) -> None:
    """Store the addresses whole, by rename, readable by the owner alone."""
    temporary = data_folder / f".{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(asdict(addresses), handle)
    temporary.replace(data_folder / FILE_NAME)
