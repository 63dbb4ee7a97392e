"""What slips into a log line is masked."""

from __future__ import annotations

import pytest

from relayhub.logs import mask_secrets


@pytest.mark.parametrize("path", ["/invitations/{}", "/dns/{}", "/dns/{}/state", "/accounts/password/reset/key/{}/",
                                  "/u/{}", "/p/{}", "/p/confirm/{}", "/v/{}", "/t/o/{}"])
def test_the_secret_in_an_address_is_masked(path: str) -> None:
    secret = "k3q9-fZx_81mWQ-k3q9-fZx_81mWQ"

    event = mask_secrets(None, "", {"request": f"GET {path.format(secret)}?seen=1"})

    assert secret not in event["request"]
    assert event["request"].startswith("GET /")


def test_an_address_without_a_secret_stays() -> None:
    assert mask_secrets(None, "", {"request": "GET /domains/dom_01"})["request"] == "GET /domains/dom_01"
