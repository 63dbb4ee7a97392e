"""What the list of contacts takes and answers: filters, counts, acts on many, exports, saved views."""

from __future__ import annotations

from campaigns.api import views_contact_list as many
from campaigns.api import views_contacts as contacts
from campaigns.comparisons import Op
from campaigns.contact_filter import ConsentBy, Did
from campaigns.models import SubscriptionStatus
from campaigns.standing import Standing
from relayhub.core.api.schema import (
    MOMENT,
    NUMBER,
    TEXT,
    YES_OR_NO,
    Operation,
    declare,
    each,
    identifier,
    maybe,
    shape,
    table,
)

shape("BulkResult", changed=NUMBER, left_alone=NUMBER, job=maybe(identifier("job")), undo=maybe(TEXT))
shape("Count", count=NUMBER, is_exact=YES_OR_NO)
shape(
    "ContactView", id=identifier("viw"), name=TEXT, filter=table(each(TEXT)), sort=TEXT, columns=each(TEXT),
    shared=YES_OR_NO, made_by=TEXT, created_at=MOMENT, updated_at=MOMENT,
)


def _words(values: list[str]) -> str:
    return f"One of: {', '.join(values)}."


_FILTERS = {
    "q": "Beginnings of words in name or address, an address, or a contact's id.",
    "list": "`lst_…`: on this list, in whatever state.", "not_list": "`lst_…`: without a state on this list.",
    "status": f"Of the subscription to `list`. {_words(list(SubscriptionStatus.values))}",
    "standing": f"Whether campaigns reach them. {_words(list(Standing.values))}",
    "field": "Key of a field to compare.",
    "op": f"How. {_words(list(Op.values))} Unless given: has for text, is for others, any without a value.",
    "value": "With what: text, a number, a day such as 2026-11-24, yes or no.",
    "source": "How the address came to be known, such as `form`.", "import": "`imp_…`: added by this import.",
    "consent": f"Where evidence of consent came from. {_words(list(ConsentBy.values))}",
    "added_from": "Added on this day or later, such as 2026-11-24.", "added_to": "Added on this day or before.",
    "did": f"What they did with mail; machines do not count. {_words(list(Did.values))}",
    "within": "`did` in the last so many days, 1 to 3650; ever unless given.",
    "view": "`viw_…`: the filters and order of a saved view, under those given here.",
}
_REPEATED = ("field", "op", "value")

declare(
    many.ContactsView, "GET",
    Operation(
        name="list_contacts", answer="Contact", is_list=True, repeatable=_REPEATED,
        query={
            **_FILTERS, "email": "The address; nothing else is looked at then.",
            "sort": "`-added` (newest first) unless given; `added`, `title`, `-title` (name, or address without one), "
                    "`field:KEY`, `-field:KEY` while up to 10,000 match.",
        },
    ),
)
declare(
    many.ContactsView, "POST",
    Operation(name="add_contact", answer="Contact", status=201, body=contacts.ContactSerializer),
)
declare(
    many.CountView, "GET",
    Operation(
        name="count_contacts", answer="Count", repeatable=_REPEATED,
        query={**_FILTERS, "exactly": "`true`: counted, however many there are."},
    ),
)
declare(
    many.BulkView, "POST",
    Operation(name="change_contacts", answer="BulkResult", also=(202,), body=many.BulkSerializer),
)
declare(
    many.UndoView, "POST", Operation(name="undo_change", answer="BulkResult", also=(202,), body=many.UndoSerializer)
)
declare(
    many.ExportView, "POST",
    Operation(name="export_contacts", answer="Job", status=202, body=many.ExportSerializer),
)
declare(many.ViewsView, "GET", Operation(name="list_views", answer="ContactView", is_list=True, is_whole=True))
declare(
    many.ViewsView, "POST", Operation(name="save_view", answer="ContactView", status=201, body=many.ViewSerializer)
)
declare(many.ViewView, "GET", Operation(name="get_view", answer="ContactView"))
declare(many.ViewView, "PATCH", Operation(name="change_view", answer="ContactView", body=many.ViewSerializer))
declare(many.ViewView, "DELETE", Operation(name="delete_view", status=204))
