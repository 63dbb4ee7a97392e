"""A compiled broadcast as a worker holds it: values in, exact body out.

Where every tag is a plain field the parts are split once and joined for each recipient (`protocol.parts`);
templates with logic go through the sandbox for each recipient and are encoded afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minijinja import Markup

from relayhub.protocol.parts import (
    CompiledField,
    CompiledMessage,
    RenderedBody,
    Slot,
    SlotKind,
    compile_alternative,
    cut,
)
from relayhub.relay import rendering
from relayhub.relay.compiled import LINK_FIELD, OPEN_FIELD, CompiledSource
from relayhub.relay.template_source import simple_slots

_URL_FIELDS = frozenset({"unsubscribe_url", "preferences_url", "view_url", OPEN_FIELD})


@dataclass(frozen=True, kw_only=True)
class BroadcastBody:
    """One recipient's subject field, body fields (MIME-Version, Content-*) and body."""

    subject_field: bytes
    content_header: bytes
    body: RenderedBody


class BroadcastContent:
    """One compiled broadcast, shared by all its recipients in this process."""

    def __init__(self, source: CompiledSource, *, seed: bytes) -> None:
        self.source = source
        self._seed = seed
        self._paths: tuple[str, ...] = ()
        self._subject: CompiledField | None = None
        self._message: CompiledMessage | None = None
        self._compile()

    @property
    def is_split(self) -> bool:
        """Whether recipients cost only a join."""
        return self._message is not None

    def _compile(self) -> None:
        parts = [self.source.subject, self.source.html or "", self.source.text or ""]
        slots = [simple_slots(part) for part in parts]
        if any(found is None for found in slots):
            return
        subject, html, text = [found or {} for found in slots]
        self._subject = CompiledField(
            name="Subject", items=cut(parts[0], {tag: Slot(name=p, kind=SlotKind.HEADER) for tag, p in subject.items()})
        )
        self._message = compile_alternative(
            seed=self._seed,
            text=cut(parts[2], {tag: Slot(name=path, kind=_kind(path, False)) for tag, path in text.items()})
            if self.source.text is not None else None,
            html=cut(parts[1], {tag: Slot(name=path, kind=_kind(path, True)) for tag, path in html.items()})
            if self.source.html is not None else None,
        )
        self._paths = tuple({*subject.values(), *html.values(), *text.values()})

    def needed_paths(self) -> tuple[str, ...] | None:
        """The dotted paths a recipient's values must hold, or None where the engine reads what it likes."""
        return self._paths if self.is_split else None

    def render(self, context: Mapping[str, Any]) -> BroadcastBody:
        """The body for one recipient; PrepareError where the template fails."""
        if self._message is not None and self._subject is not None:
            values = {path: text_of(context, path) for path in self._paths}
            return BroadcastBody(
                subject_field=self._subject.render(values), content_header=self._message.content_header,
                body=self._message.render(values),
            )
        # Our own addresses are safe in HTML as they are; escaping would only lengthen them.
        marked = {name: Markup(value) if _is_own_url(name) else value for name, value in context.items()}
        merged = rendering.render_all(
            subject=self.source.subject, html=self.source.html, text=self.source.text, context=marked
        )
        message = compile_alternative(
            seed=self._seed,
            text=(merged.text,) if merged.text is not None else None,
            html=(merged.html,) if merged.html is not None else None,
        )
        return BroadcastBody(
            subject_field=CompiledField(name="Subject", items=(merged.subject,)).render({}),
            content_header=message.content_header, body=message.render({}),
        )


def _is_own_url(name: str) -> bool:
    return name in _URL_FIELDS or name.startswith(LINK_FIELD)


def _kind(path: str, is_html: bool) -> SlotKind:
    if _is_own_url(path):
        return SlotKind.URL if is_html else SlotKind.PLAIN_URL
    return SlotKind.HTML if is_html else SlotKind.PLAIN


def text_of(context: Mapping[str, Any], path: str) -> str:
    """The value at a dotted path as the engine would write it; "" where it is absent."""
    value: Any = context
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return ""
        value = value.get(step)
    if value is None or isinstance(value, Mapping):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
