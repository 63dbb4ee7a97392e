"""What the columns of a file become: guessed where nothing was said, checked where somebody chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _

from campaigns import column_answers, column_guess, column_values
from campaigns.csv_reader import Dialect
from campaigns.fields import KEY
from campaigns.models import FieldDefinition, FieldType
from relayhub.core.errors import InputError
from relayhub.core.models import Workspace

#: What a column may become beside a custom field.
OWN_TARGETS = frozenset(
    {column_guess.EMAIL, column_guess.NAME, *column_guess.NAME_PARTS, column_guess.LANGUAGE, *column_answers.TARGETS}
)


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a file with its first rows, and the fields of the workspace."""

    names: tuple[str, ...]
    sample: Sequence[Sequence[str]]
    #: Field key -> (label, type).
    known: Mapping[str, tuple[str, str]]
    #: Whether somebody is put on a list: without one nobody can have agreed to it.
    has_list: bool

    @classmethod
    def of(cls, workspace: Workspace, dialect: Dialect, sample: Sequence[Sequence[str]], *, has_list: bool) -> Columns:
        """The columns of a file of this workspace."""
        rows = FieldDefinition.objects.filter(workspace=workspace)
        known = {key: (label, kind) for key, label, kind in rows.values_list("key", "label", "type")}
        return cls(names=dialect.columns, sample=sample, known=known, has_list=has_list)

    @cached_property
    def guesses(self) -> dict[str, column_guess.Guess]:
        """Column -> what it probably holds."""
        return column_guess.guesses(self.names, self.sample, self.known, self.answers if self.has_list else None)

    @cached_property
    def answers(self) -> dict[str, str]:
        """Column that says who agreed or left -> `column_answers.AGREED` or `LEFT`, whether there is a list or not."""
        return column_guess.answers_in(self.names, self.sample)

    def unused_answer(self, mapping: Mapping[str, str]) -> str:
        """The column that says who may be put on the list while none is used for that, or ""."""
        if set(mapping.values()) & set(column_answers.TARGETS):
            return ""
        # The address is what makes a row; a column cannot be both.
        return next((name for name in self.answers if mapping.get(name) != column_guess.EMAIL), "")

    def values(self, name: str) -> list[str]:
        """What the first rows hold in the column, without the empty cells."""
        return column_guess.values_of(self.sample, self.names.index(name))


def checked_mapping(columns: Columns, given: Mapping[str, str] | None) -> dict[str, str]:
    """The mapping of every column; InputError where it names no address or an unusable field."""
    if given is None:
        mapping = {name: guess.target for name, guess in columns.guesses.items()}
    else:
        mapping = {name: str(given.get(name) or "") for name in columns.names}
        absent = [name for name in given if name not in columns.names]
        if absent:
            raise InputError(
                _("The file has no column “%(name)s”. Its columns are: %(columns)s.")
                % {"name": absent[0], "columns": ", ".join(columns.names)}, field="mapping",
            )
    targets = [target for target in mapping.values() if target]
    if targets.count(column_guess.EMAIL) != 1:
        raise InputError(
            _("One column must hold the e-mail address; map it to “email”. Columns are: %(columns)s.")
            % {"columns": ", ".join(columns.names)}, field="mapping", code="no_email_column",
        )
    if not columns.has_list and set(targets) & set(column_answers.TARGETS):
        name = next(name for name, target in mapping.items() if target in column_answers.TARGETS)
        raise InputError(
            _("The column “%(name)s” says who agreed to a list or left it, and no list is chosen. Choose the list, or "
              "let the column become something else.") % {"name": name}, field="mapping", code="needs_list",
        )
    for target in targets:
        if target not in OWN_TARGETS and not KEY.fullmatch(target):
            raise InputError(_("“%(key)s” is not a field key.") % {"key": target[:60]}, field="mapping")
        if targets.count(target) > 1:
            raise InputError(_("Two columns are mapped to “%(key)s”.") % {"key": target}, field="mapping")
    if column_guess.NAME in targets and set(targets) & set(column_guess.NAME_PARTS):
        raise InputError(
            _("One column is the whole name, another a part of it. Leave one of them out."), field="mapping"
        )
    return mapping


def checked_types(
    columns: Columns, mapping: Mapping[str, str], given: Mapping[str, str] | None
) -> dict[str, str]:
    """Key of each new field -> its type; InputError for a type that is none. `given` None: as the values look."""
    there = OWN_TARGETS | set(columns.known)
    new = {target: name for name, target in mapping.items() if target and target not in there}
    if given is None:
        return {key: columns.guesses[name].type for key, name in new.items() if columns.guesses[name].target == key}
    for key, kind in given.items():
        if kind not in FieldType.values:
            raise InputError(
                _("“%(given)s” is not a kind of field: %(known)s.")
                % {"given": str(kind)[:40], "known": ", ".join(FieldType.values)}, field="types",
            )
        if key in columns.known and columns.known[key][1] != kind:
            raise InputError(
                _("The field “%(key)s” is there already and holds %(kind)s.")
                % {"key": key, "kind": columns.known[key][1]}, field="types",
            )
    return {key: given.get(key, FieldType.TEXT.value) for key in new}


def checked_formats(
    columns: Columns, mapping: Mapping[str, str], types: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """Column -> how its dates or numbers are written, as given, else as the first rows look."""
    found: dict[str, str] = {}
    for name, target in mapping.items():
        kind = columns.known[target][1] if target in columns.known else types.get(target, FieldType.TEXT.value)
        wanted = given.get(name, "")
        if wanted and wanted not in column_values.FORMATS:
            raise InputError(
                _("“%(given)s” is none of: %(known)s.")
                % {"given": wanted[:40], "known": ", ".join(column_values.FORMATS)}, field="formats",
            )
        if wanted.startswith(f"{kind}."):
            found[name] = wanted
        elif kind in (FieldType.DATE, FieldType.NUMBER):
            found[name] = column_guess.format_of(kind, columns.values(name))[0]
    return found
