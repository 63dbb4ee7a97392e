"""What one process keeps for transactional mail, and who gets a slot that comes free."""

from __future__ import annotations

from relayhub.relay.lanes import Shares


def small() -> Shares:
    return Shares(max_in_hand=10, reserved_in_hand=4, max_sending=4, reserved_sending=1)


def never() -> None:
    raise AssertionError("not to be called")


def test_bulk_leaves_the_reserved_part_alone() -> None:
    shares = small()

    shares.take_in_hand(6, is_bulk=True)

    assert shares.room(is_bulk=True) == 0
    assert shares.room(is_bulk=False) == 4


def test_transactional_mail_may_use_everything() -> None:
    shares = small()

    shares.take_in_hand(10, is_bulk=False)

    assert shares.room(is_bulk=False) == 0
    assert shares.room(is_bulk=True) == 0


def test_bulk_never_takes_the_last_slot() -> None:
    shares = small()

    taken = [shares.take_slot(is_bulk=True, when_free=lambda: None) for _ in range(4)]

    assert taken == [True, True, True, False]
    assert shares.take_slot(is_bulk=False, when_free=never)


def test_a_free_slot_goes_to_transactional_mail_first() -> None:
    shares = small()
    woken: list[str] = []
    for _ in range(3):
        shares.take_slot(is_bulk=True, when_free=never)
    shares.take_slot(is_bulk=False, when_free=never)
    shares.take_slot(is_bulk=True, when_free=lambda: woken.append("bulk"))
    shares.take_slot(is_bulk=False, when_free=lambda: woken.append("transactional"))

    shares.free_slot(is_bulk=True)

    assert woken == ["transactional"]


def test_a_slot_of_transactional_mail_wakes_bulk_only_within_its_part() -> None:
    shares = small()
    woken: list[str] = []
    for _ in range(3):
        shares.take_slot(is_bulk=True, when_free=never)
    shares.take_slot(is_bulk=False, when_free=never)
    shares.take_slot(is_bulk=True, when_free=lambda: woken.append("bulk"))

    shares.free_slot(is_bulk=False)
    first = list(woken)
    shares.free_slot(is_bulk=True)

    assert (first, woken) == ([], ["bulk"])
