"""A real DNS server on loopback, UDP and TCP on one port, scripted by a dict that tests may change.

`{"example.com": {"MX": [[10, "mx.example.com"]], "TXT": ["v=spf1 -all"]}, "gone.example": "SERVFAIL"}`: an
owner that is absent is NXDOMAIN; a type that is absent is NODATA; `SERVFAIL`, `TIMEOUT`, `REFUSED`, `GARBAGE`
and `WRONG_ID` may stand in place of an owner or of a type's list. Aliases are followed inside the zone. Every
question is noted in `questions`. Big answers are cut over UDP, so that clients come again over TCP.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

MAX_UDP_OCTETS = 1232
_FAULTS = {"SERVFAIL": dns.rcode.SERVFAIL, "REFUSED": dns.rcode.REFUSED}


class DnsServer:
    """Serves `zone` until `stop`."""

    def __init__(
        self, zone: Mapping[str, Any] | None = None, *, ttl_seconds: int = 60, at: tuple[str, int] = ("127.0.0.1", 0)
    ) -> None:
        self.zone: dict[str, Any] = dict(zone or {})
        self.ttl_seconds = ttl_seconds
        #: (name, type, "udp" or "tcp"), in order.
        self.questions: list[tuple[str, str, str]] = []
        self._udp, self._tcp = self._bind(at)
        self.port: int = self._udp.getsockname()[1]
        self._threads = [
            threading.Thread(target=self._serve_udp, daemon=True),
            threading.Thread(target=self._serve_tcp, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def address(self) -> str:
        """For `RELAYHUB_DNS_SERVERS`."""
        return f"127.0.0.1:{self.port}"

    def asked(self, name: str, kind: str) -> int:
        """How often this was asked."""
        return sum(1 for question in self.questions if question[:2] == (name, kind))

    def stop(self) -> None:
        """Close both sockets and wait for the threads."""
        for sock in (self._udp, self._tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        for thread in self._threads:
            thread.join(5)

    @staticmethod
    def _bind(at: tuple[str, int]) -> tuple[socket.socket, socket.socket]:
        for _ in range(50):
            tcp = socket.create_server(at)
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                tcp.close()
                udp.close()
                continue
            return udp, tcp
        raise RuntimeError("no port is free for UDP and TCP")

    def _serve_udp(self) -> None:
        while True:
            try:
                wire, peer = self._udp.recvfrom(65535)
                if not wire:
                    return
                answer = self._answer(wire, "udp")
                if answer is not None:
                    self._udp.sendto(answer, peer)
            except OSError:
                return

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            with connection:
                self._serve_connection(connection)

    def _serve_connection(self, connection: socket.socket) -> None:
        try:
            head = connection.recv(2, socket.MSG_WAITALL)
            if len(head) == 2:
                wire = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                answer = self._answer(wire, "tcp")
                if answer is not None:
                    connection.sendall(struct.pack("!H", len(answer)) + answer)
        except OSError:
            return

    def _answer(self, wire: bytes, way: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.questions.append((name, kind, way))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        fault = self._fill(response, name, kind)
        if fault == "TIMEOUT":
            return None
        if fault == "GARBAGE":
            return wire[:2] + b"\xff" * 30
        if fault == "WRONG_ID":
            return struct.pack("!H", (query.id + 1) & 0xFFFF) + response.to_wire(max_size=65535)[2:]
        octets: bytes = response.to_wire(max_size=65535)
        if way == "udp" and len(octets) > MAX_UDP_OCTETS:
            cut = dns.message.make_response(query)
            cut.flags |= dns.flags.TC
            octets = cut.to_wire()
        return octets

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> str:
        """Put the answer in; returns the word of a fault that is more than a response code."""
        for _ in range(12):
            data = self.zone.get(name)
            listed = data if isinstance(data, str) else None
            if isinstance(data, Mapping):
                listed = data.get(kind)
            if isinstance(listed, str):
                if listed in _FAULTS:
                    response.set_rcode(_FAULTS[listed])
                return listed
            if data is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                return ""
            if listed:
                self._add(response, name, kind, listed)
                return ""
            alias = data.get("CNAME") if isinstance(data, Mapping) else None
            if not alias or kind == "CNAME":
                return ""
            self._add(response, name, "CNAME", alias)
            name = alias[0]
        return ""

    def _add(self, response: dns.message.Message, name: str, kind: str, listed: list[Any]) -> None:
        owner = dns.name.from_text(name)
        texts = [_text_of(kind, item) for item in listed]
        response.answer.append(dns.rrset.from_text(owner, self.ttl_seconds, "IN", kind, *texts))


def _text_of(kind: str, item: Any) -> str:
    if kind == "TXT":
        pieces = [item[start : start + 255] for start in range(0, len(item), 255)] or [""]
        return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)
    if kind == "MX":
        preference, host = item.split() if isinstance(item, str) else item
        return f"{preference} {host}." if host else f"{preference} ."
    if kind in ("CNAME", "NS", "PTR"):
        return f"{item}."
    return str(item)


@contextmanager
def dns_server(zone: Mapping[str, Any] | None = None) -> Iterator[DnsServer]:
    """A server for the length of a block."""
    server = DnsServer(zone)
    try:
        yield server
    finally:
        server.stop()
