"""List fields: exact where RFC 8058 is exact, and closed to injection."""

import pytest

from relayhub.protocol import list_headers
from relayhub.protocol.headers import HeaderError
from relayhub.protocol.list_headers import ListIdentity


def test_unsubscribe_offers_web_then_mail_and_one_click() -> None:
    fields = list_headers.unsubscribe_fields(url="https://h.ex/u/tok", mailto="u-abc@rp.ex.com")

    assert fields.replace(b"\r\n ", b" ") == (
        b"List-Unsubscribe: <https://h.ex/u/tok>, <mailto:u-abc@rp.ex.com?subject=unsubscribe>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )


@pytest.mark.parametrize(
    ("url", "mailto"),
    [
        ("javascript:x", ""),
        ("https://x/>,<y", ""),
        ("https://x/\r\nBcc: y", ""),
        ("https://x", "a@b>"),
        ("https://x", "a"),
    ],
)
def test_what_breaks_out_is_refused(url: str, mailto: str) -> None:
    with pytest.raises(HeaderError):
        list_headers.unsubscribe_fields(url=url, mailto=mailto)


def test_a_list_id_is_a_name_and_a_label() -> None:
    field = list_headers.list_id_field(ListIdentity(label="Our News!", domain="Ex.com", name='The "News"'))

    assert field == b'List-Id: "The \\"News\\"" <our-news.ex.com>\r\n'


def test_a_feedback_id_has_four_parts() -> None:
    field = list_headers.feedback_id_field(campaign="c:1", customer="w1", mail_type="bulk", sender="rh")

    assert field == b"Feedback-ID: c-1:w1:bulk:rh000\r\n"
