"""Cart rules in force, and codes."""

from shop.coupons.models import CartRule, DiscountKind
from shop.coupons.queries import code_key, rules_in_force
from shop.coupons.service import new_code
from shop.db import Database


async def test_a_rule_covers_its_category_with_all_below_and_its_skus(db: Database) -> None:
    async with db.transaction() as conn:
        top = await conn.fetch_value('INSERT INTO categories (name) VALUES (\'{"en": "Food"}\') RETURNING id')
        below = await conn.fetch_value(
            'INSERT INTO categories (name, parent_id) VALUES (\'{"en": "Fruit"}\', %(top)s) RETURNING id', {"top": top}
        )
        await CartRule.objects.using(conn).create(
            name={"en": "Fruit days"}, kind=DiscountKind.PERCENT, value=10, category_id=top, sku_ids=[77]
        )
        (rule,) = await rules_in_force(conn)
    assert rule.covers(1, top)
    assert rule.covers(1, below)
    assert rule.covers(77, 999)
    assert not rule.covers(1, 999)


async def test_only_rules_of_today_are_in_force(db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO cart_rules (name, kind, value, sku_ids, starts_at, ends_at, is_active) VALUES"
            " ('{\"en\": \"past\"}', 'fixed', 1, '{1}', NULL, now(), true),"
            " ('{\"en\": \"future\"}', 'fixed', 1, '{1}', now() + interval '1 hour', NULL, true),"
            " ('{\"en\": \"off\"}', 'fixed', 1, '{1}', NULL, NULL, false),"
            " ('{\"en\": \"now\"}', 'fixed', 1, '{1}', now(), now() + interval '1 hour', true)"
        )
        assert [rule.name["en"] for rule in await rules_in_force(conn)] == ["now"]


def test_s38_codes_cannot_be_guessed_and_are_read_as_people_type_them() -> None:
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert {len(code) for code in codes} == {10}  # of 32 letters: fifty bits
    assert code_key(" fresh 15 ") == code_key("ＦＲＥＳＨ１５") == "FRESH15"
