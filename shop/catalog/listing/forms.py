"""What people choose in a list, as it stands in the address: `?sort=cheapest&origin=hainan,yunnan&stock=1&after=…`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from shop.catalog.listing.models import Place, Sort, Wish
from shop.catalog.listing.queries import Choice, Facets, Page
from shop.catalog.models import Keeping
from shop.i18n import N_

PARAMETERS = ("sort", "origin", "keeping", "offer", "stock", "after", "before")
SORTS = {
    Sort.DEFAULT: N_("Recommended"),
    Sort.CHEAPEST: N_("Price, low to high"),
    Sort.DEAREST: N_("Price, high to low"),
    Sort.POPULAR: N_("Most bought"),
    Sort.NEWEST: N_("Newest"),
}
KEEPINGS = {"ambient": N_("Room temperature"), "chilled": N_("Chilled"), "frozen": N_("Frozen")}
CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MOST_VALUES = 20

Query = dict[str, str]


@dataclass(frozen=True, slots=True)
class Pick:
    """One link of the filters: its words, how many goods it leaves (None: not counted), the address it leads to."""

    name: str
    query: Query
    is_chosen: bool
    goods: int | None = None


@dataclass(frozen=True, slots=True)
class ListTools:
    """Everything around a list that leads to another view of it; names marked for translation are translated by the page."""

    sorts: tuple[Pick, ...]
    origins: tuple[Pick, ...]
    keepings: tuple[Pick, ...]
    toggles: tuple[Pick, ...]
    is_filtered: bool
    without_filters: Query
    next_page: Query | None
    previous_page: Query | None


def wish_of(query: Mapping[str, str]) -> Wish:
    """What an address asks for; what it cannot ask for is left out, so that any address is a list."""
    sort = query.get("sort", "")
    after = Place.read(query.get("after"))
    return Wish(
        sort=Sort(sort) if sort in set(Sort) else Sort.DEFAULT,
        origins=tuple(code for code in _several(query, "origin") if CODE.fullmatch(code)),
        keepings=tuple(keeping for keeping in _several(query, "keeping") if keeping in set(Keeping)),
        only_offers=query.get("offer") == "1",
        only_stock=query.get("stock") == "1",
        after=after,
        before=None if after else Place.read(query.get("before")),
    )


def query_of(wish: Wish) -> Query:
    """The address of a wish, without what goes without saying."""
    told = {
        "sort": "" if wish.sort is Sort.DEFAULT else wish.sort.value,
        "origin": ",".join(wish.origins),
        "keeping": ",".join(wish.keepings),
        "offer": "1" if wish.only_offers else "",
        "stock": "1" if wish.only_stock else "",
        "after": str(wish.after or ""),
        "before": str(wish.before or ""),
    }
    return {name: value for name, value in told.items() if value}


def tools_of(wish: Wish, facets: Facets, page: Page) -> ListTools:
    """The links around a page of a list; each starts at the first page again."""
    start = replace(wish, after=None, before=None)
    offers, stock = replace(start, only_offers=not wish.only_offers), replace(start, only_stock=not wish.only_stock)
    return ListTools(
        sorts=tuple(Pick(SORTS[s], query_of(replace(start, sort=s)), s is wish.sort) for s in Sort),
        origins=tuple(
            _pick(choice, replace(start, origins=_toggled(wish.origins, choice))) for choice in facets.origins
        ),
        keepings=tuple(
            _pick(choice, replace(start, keepings=_toggled(wish.keepings, choice)), KEEPINGS[choice.value])
            for choice in facets.keepings
        ),
        toggles=(
            Pick(N_("On offer"), query_of(offers), wish.only_offers),
            Pick(N_("In stock"), query_of(stock), wish.only_stock),
        ),
        is_filtered=wish.is_filtered,
        without_filters=query_of(Wish(sort=wish.sort)),
        next_page=query_of(replace(start, after=page.after)) if page.after else None,
        previous_page=query_of(replace(start, before=page.before)) if page.before else None,
    )


def _several(query: Mapping[str, str], name: str) -> list[str]:
    return sorted(set(query.get(name, "")[:500].split(",")) - {""})[:MOST_VALUES]


def _toggled(values: tuple[str, ...], choice: Choice) -> tuple[str, ...]:
    rest = tuple(value for value in values if value != choice.value)
    return rest if choice.is_chosen else (*rest, choice.value)


def _pick(choice: Choice, wish: Wish, name: str | None = None) -> Pick:
    return Pick(name or choice.name, query_of(wish), choice.is_chosen, choice.goods)
