"""What changes while an order waits for its money: how it will be paid, and how long its goods are kept."""

from shop import outbox
from shop.db import Connection
from shop.orders.models import CASH, Fulfilment, NotAllowed, Order, Payment
from shop.orders.service import lock_order


async def change_method(conn: Connection, order_id: int, method: str) -> None:
    """Another way to pay; cash needs no hold, and the shop hears of the order now. Raises NotAllowed once it is paid or closed."""
    order = await lock_order(conn, order_id)
    if order.payment is not Payment.DUE or order.fulfilment is not Fulfilment.PLACED:
        raise NotAllowed("not waiting for payment")
    if order.method == method:
        return
    without_hold = {"hold_until": None} if method == CASH else {}
    await Order.objects.using(conn).filter(id=order.id).update(method=method, **without_hold)
    if method == CASH:
        await outbox.promise(conn, "tasks.mail.send_new_order", order_id=order.id)


async def keep_holding(conn: Connection, order_id: int, seconds: int, *, at_most: int) -> bool:
    """Holds the goods so many seconds more, for it is not known whether they are paid; not beyond `at_most` after the order."""
    return bool(await conn.execute(KEEP_HOLDING, {"id": order_id, "seconds": seconds, "most": at_most}))


# By the server's clock, as every hold.
KEEP_HOLDING = """
UPDATE orders SET hold_until = now() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND hold_until IS NOT NULL AND placed_at > now() - make_interval(secs => %(most)s)
"""
