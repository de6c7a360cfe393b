"""What orders know about a person. The books keep what was sold; once an order is settled, nobody has to stand in it."""

from typing import Any

from shop.accounts.models import Account
from shop.accounts.personal_data.models import Chapter
from shop.db import Connection


async def forget_erased(conn: Connection) -> int:
    """Takes the persons of erased accounts out of their settled orders; how many orders."""
    await conn.execute(FORGET_REDEMPTIONS)
    return await conn.execute(FORGET)


async def _tell(conn: Connection, account: Account) -> Any:
    rows = await conn.fetch_all(TELL, {"account": account.id})
    return [row.told for row in rows]


async def _forget(conn: Connection, account: Account) -> None:
    """Nothing yet: the account is not erased before its own chapter, and open orders still have to find their door."""


CHAPTER = Chapter("orders", _tell, _forget)

# The story of each order with its lines as one document (jsonb_agg).
TELL = """
SELECT jsonb_build_object('number', o.number, 'placed_at', o.placed_at, 'payment', o.payment,
    'fulfilment', o.fulfilment, 'total', o.total, 'currency', o.currency, 'email', o.email, 'address', o.address,
    'note', o.note, 'delivery', o.starts_at,
    'lines', (SELECT jsonb_agg(jsonb_build_object('goods', l.name, 'quantity', l.quantity, 'unit_price', l.unit_price)
                               ORDER BY l.id) FROM order_lines l WHERE l.order_id = o.id)) AS told
FROM orders o WHERE o.account_id = %(account)s ORDER BY o.id
"""

# Which orders, for both statements below.
SETTLED = """
o.fulfilment IN ('finished', 'cancelled', 'returned') AND o.email <> ''
AND o.account_id IN (SELECT id FROM accounts WHERE erased_at IS NOT NULL)
"""

# What is written comes from another table (UPDATE … FROM), which no manager's update reads.
FORGET_REDEMPTIONS = f"""
UPDATE coupon_redemptions r SET email_key = 'erased:' || o.account_id FROM orders o
WHERE r.order_id = o.id AND {SETTLED}
"""  # noqa: S608 - the shop's own words

# The same orders in the same words as above, so that neither forgets more than the other.
FORGET = f"""
UPDATE orders o SET email = '', email_key = '', note = '', network = '', address = '{{}}' WHERE {SETTLED}
"""  # noqa: S608 - the shop's own words
