"""Who is on the other end of a connection, and what a proxy may say about it."""

from ipaddress import ip_address, ip_network

from aiohttp import web

from shop.keys import SETTINGS


def address_of(request: web.Request) -> str:
    """The visitor's address: what a trusted proxy overwrote, else the peer itself.

    security: only proxies named in SHOP_TRUSTED_PROXIES (or the peer of our unix socket) are believed, and of the header only the last
    entry, the one that our own proxy wrote.
    """
    peer = request.remote or ""
    if came_through_proxy(request):
        claimed = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if _is_address(claimed):
            return claimed
    return peer if _is_address(peer) else "0.0.0.0"  # noqa: S104  (a unix socket has no address)


def came_through_proxy(request: web.Request) -> bool:
    """Whether a proxy we trust handed this request on."""
    return "X-Forwarded-For" in request.headers and request.app[SETTINGS].trusts(request.remote or "")


def prefix_of(address: str) -> str:
    """The network a limit counts: the address itself in IPv4, its /64 in IPv6 (one household has them all)."""
    parsed = ip_address(address)
    return str(parsed) if parsed.version == 4 else str(ip_network(f"{address}/64", strict=False))


def neighbourhood_of(request: web.Request) -> str:
    """Where the visitor is, coarse enough to keep: a /24, in IPv6 a /48."""
    address = ip_address(address_of(request))
    network = ip_network((address, 24 if address.version == 4 else 48), strict=False)
    return "localhost" if address.is_loopback else str(network)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
