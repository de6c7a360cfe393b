"""The thirty-eight defects of the tutorial shop this one grew out of, each absent: by number, with the tests that show it."""

import re

import pytest

from shop.settings import HOME

# number: (what was wrong there, the tests that show it is not so here)
DEFECTS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("negative quantities", ("cart/test_pages.py::test_s34", "orders/test_placing.py::test_s34")),
    2: ("somebody else's address in an order", ("orders/test_checkout.py::test_an_address_of_somebody_else",)),
    3: ("somebody else's basket lines", ("cart/test_service.py::test_s35", "cart/test_pages.py::test_s24")),
    4: ("open redirect after sign-in", ("accounts/test_next.py::test_s23",)),
    5: ("changes by GET, no protection against forgery", ("test_access.py::test_s61", "web/test_csrf.py::test_s61")),
    6: ("unlocked stock", ("orders/test_races.py::test_s41", "orders/test_group.py::test_f_n4")),
    7: ("a page view writes the whole row", ("flows/test_tutorial_defects.py::test_7",)),
    8: ("checks whose answer nobody returns", ("test_access.py::test_",)),
    9: (
        "the basket is read after the order is made",
        ("orders/test_checkout.py::test_s39", "orders/test_checkout.py::test_s40"),
    ),
    10: (
        "unpaid orders keep their stock",
        ("orders/test_story.py::test_holds", "orders/test_story.py::test_cancelling"),
    ),
    11: (
        "waiting for a payment blocks a worker",
        ("payments/test_pages.py::test_f_y1_the_bank_is_away", "start/test_blocking.py::test_"),
    ),
    12: (
        "payment known only while a tab is open",
        ("payments/test_tasks.py::test_f_y2_a_lost_notice", "payments/test_machine.py::test_f_y4_a_notice_before"),
    ),
    13: ("the amount paid is never compared", ("orders/test_story.py::test_another_amount",)),
    14: ("every payment under one number", ("flows/test_tutorial_defects.py::test_14",)),
    15: (
        "freight on the page, none in the order",
        ("orders/test_checkout.py::test_a_member_orders", "cart/test_pricing.py::test_"),
    ),
    16: ("ids joined one way and split another", ("orders/test_placing.py::test_an_order_copies",)),
    17: (
        "reviews without delivery, states skipped",
        ("reviews/test_reviews.py::test_s48", "orders/test_story.py::test_s48"),
    ),
    18: ("one comment on the order line, no stars", ("reviews/test_reviews.py::test_a_buyer",)),
    19: ("a class changed to remember a look-up", ("accounts/test_registration.py::test_a_taken_user_name",)),
    20: ("a broken link is an error page", ("accounts/test_registration.py::test_s5",)),
    21: ("an activation link with the bare id", ("accounts/test_registration.py::test_s5", "test_tokens.py::test_")),
    22: ("not activated looks like a wrong password", ("accounts/test_sign_in.py::test_who_has_not_activated",)),
    23: ("fast password hashes", ("test_passwords.py::test_no_fast_hash", "test_passwords.py::test_a_new_hash")),
    24: (
        "guessable resets, names told apart",
        ("accounts/test_passwords.py::test_s18", "accounts/test_enumeration.py::test_s1"),
    ),
    25: ("passwords in logs", ("test_logs.py::test_s66",)),
    26: (
        "stored script in texts and mails",
        (
            "web/test_headers.py::test_pages_hold",
            "reviews/test_reviews.py::test_a_buyer",
            "mail/test_letters.py::test_a_name_is_no_markup",
        ),
    ),
    27: ("secrets in the tree", ("start/test_settings.py::test_s66",)),
    28: ("links fixed to the author's machine", ("web/test_http.py::test_s55",)),
    29: (
        "goods that are offline are listed and sold",
        ("catalog/test_pages.py::test_s36", "cart/test_pages.py::test_", "orders/test_placing.py::test_s36"),
    ),
    30: ("orders change with addresses and goods", ("orders/test_placing.py::test_an_order_copies",)),
    31: ("a cache that is read and never written", ("web/test_pages.py::test_many_who_ask",)),
    32: ("deleted goods break the history", ("history/test_pages.py::test_goods_no_longer_sold",)),
    33: ("an error where nothing was found", ("catalog/test_pages.py::test_s36",)),
    34: ("order numbers that change", ("flows/test_tutorial_defects.py::test_34",)),
    35: ("one Redis for everything", ("web/test_pages_without_redis.py::test_", "flows/test_without_redis.py::test_")),
    36: ("a signer that no longer exists", ("test_tokens.py::test_",)),
    37: ("a search index with one writer", ("search/test_search.py::test_a_changed_name",)),
    38: ("a set-up of seven servers", ("start/test_dev.py::test_",)),
}


def test_all_of_them_are_named() -> None:
    assert sorted(DEFECTS) == list(range(1, 39))


@pytest.mark.parametrize("number", DEFECTS)
def test_each_has_a_test_that_shows_it_absent(number: int) -> None:
    for place in DEFECTS[number][1]:
        path, _, beginning = place.partition("::")
        source = (HOME / "tests" / path).read_text("utf-8")
        assert re.search(rf"^(async )?def {beginning}", source, re.M), f"{DEFECTS[number][0]}: {place} is not there"


def test_7_no_page_writes_a_row_of_goods() -> None:
    """Stock is changed in one file, by amounts, and the catalogue's editor names every column it sets."""
    changing = [
        path.relative_to(HOME).as_posix()
        for path in sorted((HOME / "shop").rglob("*.py"))
        if "migrations" not in path.parts and re.search(r"UPDATE skus[^;\"]*SET stock", path.read_text("utf-8"))
    ]
    assert changing == ["shop/orders/stock/service.py"]


def test_14_numbers_of_orders_tell_them_apart() -> None:
    from shop.orders.placing.ledger import new_number

    numbers = {new_number() for _ in range(10_000)}
    assert len(numbers) == 10_000
    assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}", number) for number in numbers)


def test_34_nothing_sets_the_number_of_an_order_again() -> None:
    for path in sorted((HOME / "shop").rglob("*.py")):
        assert not re.search(r"UPDATE orders[^;\"]*\bnumber =", path.read_text("utf-8")), path
