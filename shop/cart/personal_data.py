"""What a basket knows about its owner."""

from typing import Any

from shop.accounts.models import Account
from shop.accounts.personal_data.models import Chapter
from shop.cart.models import Cart
from shop.cart.queries import Owner, basket_of
from shop.db import Connection


async def _tell(conn: Connection, account: Account) -> Any:
    basket = await basket_of(conn, Owner(account_id=account.id))
    return [
        {"goods": line.name, "quantity": line.quantity, "saved_for_later": line.is_saved}
        for line in (*basket.lines, *basket.saved)
    ]


async def _forget(conn: Connection, account: Account) -> None:
    await Cart.objects.using(conn).filter(account_id=account.id).delete()


CHAPTER = Chapter("basket", _tell, _forget)
