"""Entries of the log, and the words in which they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ForeignKey, Index

from shop.db import Model, column
from shop.i18n import N_

# Of these a changed value is never written down, whoever the log belongs to: a person's data must be erasable.
PERSONAL: Final = frozenset(
    {"address", "city", "district", "email", "phone", "postcode", "province", "receiver", "street", "username"}
)
# Objects all of whose fields are personal.
PEOPLE: Final = frozenset({"address", "customer"})

# Both halves of an action, "product.changed"; the log shows an unknown one as it is.
OBJECTS: Final[Mapping[str, str]] = {
    "address": N_("Address"),
    "block": N_("Home page block"),
    "category": N_("Category"),
    "coupon": N_("Coupon"),
    "customer": N_("Customer"),
    "mail": N_("Mail"),
    "order": N_("Customer order"),
    "origin": N_("Origin"),
    "page": N_("Page"),
    "picture": N_("Picture"),
    "plan": N_("Weekly plan"),
    "product": N_("Product"),
    "report": N_("Report"),
    "return": N_("Return"),
    "review": N_("Review"),
    "role": N_("Role"),
    "rule": N_("Cart rule"),
    "setting": N_("Setting"),
    "sku": N_("SKU"),
    "staff": N_("Staff"),
    "stock": N_("Stock"),
    "synonym": N_("Synonym"),
    "tax": N_("Tax class"),
    "window": N_("Delivery window"),
    "zone": N_("Delivery zone"),
}
VERBS: Final[Mapping[str, str]] = {
    "accepted": N_("invitation accepted"),
    "approved": N_("approved"),
    "binned": N_("put in the bin"),
    "cancelled": N_("cancelled"),
    "changed": N_("changed"),
    "counted": N_("counted"),
    "created": N_("created"),
    "deactivated": N_("deactivated"),
    "deleted": N_("deleted"),
    "delivered": N_("delivered"),
    "disabled": N_("disabled"),
    "duplicated": N_("duplicated"),
    "emptied": N_("emptied"),
    "enabled": N_("enabled again"),
    "exported": N_("exported"),
    "failed": N_("sign-in failed"),
    "hidden": N_("hidden"),
    "imported": N_("imported"),
    "invited": N_("invited"),
    "looked_at": N_("looked at"),
    "moved": N_("moved"),
    "noted": N_("note written"),
    "packed": N_("packed"),
    "password_changed": N_("password changed"),
    "password_reset": N_("password set anew"),
    "paused": N_("paused"),
    "published": N_("published"),
    "received": N_("received"),
    "recovery_code_used": N_("recovery code used"),
    "recovery_codes_made": N_("recovery codes made"),
    "refunded": N_("refunded"),
    "rejected": N_("rejected"),
    "resent": N_("sent again"),
    "restored": N_("restored"),
    "resumed": N_("resumed"),
    "second_factor_off": N_("second factor removed"),
    "second_factor_on": N_("second factor set up"),
    "shipped": N_("shipped"),
    "signed_in": N_("signed in"),
    "signed_out": N_("signed out"),
    "uploaded": N_("uploaded"),
    "written_off": N_("written off"),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from which address; nobody's number for what the command line does."""

    staff_id: int | None
    name: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """What a check of the log found: the numbers of the first and last entry, the last one's hash, and the first that does not fit."""

    first: int
    last: int
    head: str
    broken_at: int | None

    @property
    def entries(self) -> int:
        """How many entries were looked at."""
        return self.last - self.first + 1

    @property
    def is_whole(self) -> bool:
        """Whether every entry is as it was written and none is missing between two others."""
        return self.broken_at is None


class AuditEntry(Model):
    """One thing that was done; number, time and hashes are set by the database, and nothing is ever changed."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("audit_log_by_object", "object", "id"),
        Index("audit_log_by_staff", "staff_id", "id"),
        Index("audit_log_by_action", "action", "id"),
    )

    id: int = column(primary_key=True, autoincrement=False)
    at: datetime = column()
    staff_id: int | None = column(ForeignKey("staff.id"))
    staff_name: str = column()
    address: str = column()
    action: str = column()
    object: str = column()
    changes: dict[str, Any] = column()
    previous: bytes = column()
    hash: bytes = column()

    @property
    def thing(self) -> str:
        """What kind of object it is about, to be translated."""
        kind = self.object.partition(":")[0]
        return OBJECTS.get(kind, kind)

    @property
    def deed(self) -> str:
        """What was done to it, to be translated."""
        verb = self.action.rpartition(".")[2]
        return VERBS.get(verb, verb)
