"""Postfix as a plain relay to the sink, with its own queue and its own fsync; with opendkim as signing milter.

An instance of its own folder and port; the system's Postfix is left alone. Needs root, as Postfix does.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.bench import machine

_DAEMONS = Path("/usr/lib/postfix/sbin")
#: Services of master.cf: name, type, private, unprivileged, chroot, wakeup, limit, command.
_SERVICES = """
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""
_SETTINGS = """
compatibility_level = 3.6
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.example
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtputf8_enable = no
"""


def missing(*, with_dkim: bool) -> str:
    """The Debian packages without which it cannot run here, "" where it can."""
    if os.geteuid() != 0:
        return "nothing, but run as root"
    wanted = [] if shutil.which("postfix") and _DAEMONS.is_dir() else ["postfix"]
    if with_dkim and not shutil.which("opendkim"):
        wanted.append("opendkim")
    if with_dkim and not shutil.which("openssl"):
        wanted.append("openssl")
    return " ".join(wanted)


class Postfix:
    """One instance; `roots` are the processes to weigh."""

    def __init__(self, folder: Path, *, port: int, sink_port: int, milter_port: int | None = None) -> None:
        self.port = port
        self._folder = folder
        self._sink_port = sink_port
        self._milter_port = milter_port
        self._dkim: OpenDkim | None = None

    @property
    def name(self) -> str:
        """As results call it."""
        return "postfix+opendkim" if self._milter_port else "postfix"

    @property
    def roots(self) -> list[int]:
        """Postfix's master and the milter."""
        master = int((self._folder / "spool/pid/master.pid").read_text(encoding="ascii"))
        return [master, *([self._dkim.pid] if self._dkim else [])]

    def start(self) -> Postfix:
        """Write the configuration and start."""
        etc, spool, data = (self._folder / name for name in ("etc", "spool", "data"))
        for place in (etc, spool, data):
            place.mkdir(parents=True)
        for place in (self._folder, etc, spool):
            place.chmod(0o755)
        shutil.chown(data, "postfix")
        milter = ""
        if self._milter_port is not None:
            self._dkim = OpenDkim(self._folder / "dkim", self._milter_port).start()
            milter = f"smtpd_milters = inet:127.0.0.1:{self._milter_port}\nmilter_default_action = tempfail\n"
        places = f"queue_directory = {spool}\ndata_directory = {data}\ndaemon_directory = {_DAEMONS}\n"
        route = f"relayhost = [127.0.0.1]:{self._sink_port}\n"
        (etc / "main.cf").write_text(_SETTINGS + places + route + milter, encoding="ascii")
        listener = f"127.0.0.1:{self.port} inet n - n - - smtpd\n"
        (etc / "master.cf").write_text(listener + _SERVICES.lstrip(), encoding="ascii")
        for name in ("dynamicmaps.cf", "postfix-files"):
            if Path("/etc/postfix", name).exists():
                shutil.copy(Path("/etc/postfix", name), etc)
        self._control("start")
        if not machine.wait_for_port(self.port):
            raise RuntimeError("Postfix does not listen")
        return self

    def stop(self) -> None:
        """End it and the milter."""
        self._control("stop", is_needed=False)
        if self._dkim is not None:
            self._dkim.stop()

    def _control(self, verb: str, *, is_needed: bool = True) -> None:
        done = subprocess.run(
            ["postfix", "-c", str(self._folder / "etc"), verb], capture_output=True, text=True, check=False, timeout=60
        )
        if is_needed and done.returncode != 0:
            raise RuntimeError(f"postfix {verb}: {done.stderr[-500:]}")


class OpenDkim:
    """A milter that signs with a fresh RSA-2048 key."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port

    @property
    def pid(self) -> int:
        """Its process."""
        return int((self._folder / "pid").read_text(encoding="ascii"))

    def start(self) -> OpenDkim:
        """Make the key and start."""
        self._folder.mkdir(parents=True)
        key = self._folder / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        key.chmod(0o600)
        for place in (self._folder, key):
            shutil.chown(place, "opendkim")
        settings = self._folder / "conf"
        settings.write_text(
            f"Domain bench.example\nSelector s1\nKeyFile {key}\nMode s\nCanonicalization relaxed/relaxed\n"
            f"Socket inet:{self._port}@127.0.0.1\nInternalHosts 127.0.0.1\nUserID opendkim\nRequireSafeKeys no\n"
            f"Syslog no\nPidFile {self._folder / 'pid'}\n", encoding="ascii",
        )
        subprocess.run(["opendkim", "-x", str(settings)], check=True, capture_output=True, timeout=30)
        if not machine.wait_for_port(self._port):
            raise RuntimeError("opendkim does not listen")
        return self

    def stop(self) -> None:
        """End it."""
        try:
            os.kill(self.pid, signal.SIGTERM)
        except (OSError, ValueError):
            pass
