"""The headers that every answer carries, whatever went wrong."""

from collections.abc import Iterable

from aiohttp import web

from shop.keys import DRAINING, REQUEST_ID, SETTINGS
from shop.settings import Settings
from shop.web.side import is_backoffice

SERVER = "Bayberry"  # security: no version, neither ours nor the library's
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)


def paying(origins: Iterable[str]) -> dict[str, str]:
    """The policy of a page whose form may lead on to these origins: browsers hold `form-action` against redirects too."""
    return {
        "Content-Security-Policy": CONTENT_POLICY.replace(
            "form-action 'self'", " ".join(("form-action 'self'", *origins))
        )
    }


# security: TinyMCE writes styles into its page and shows pictures it has not sent yet; nothing else is let in, and only where
# a page with an editor asks for it: render(…, headers=EDITOR).
EDITOR = {
    "Content-Security-Policy": CONTENT_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
        "img-src 'self'", "img-src 'self' blob:"
    )
}
ALWAYS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
STAFF_ONLY = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
OVER_TLS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def protection(*, tls: bool) -> dict[str, str]:
    """The headers for an answer that goes over TLS or not."""
    return ALWAYS | OVER_TLS if tls else dict(ALWAYS)


def public(settings: Settings) -> dict[str, str]:
    """The headers of a page that is the same for every guest; nginx keeps it for a second, a browser asks again."""
    return {
        "Cache-Control": f"public, max-age={0 if settings.development else 1}",
        "Vary": "Accept-Language, Cookie" + (", Accept-Encoding" if settings.development else ""),
    }


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Adds them to an answer about to be sent; a view that needs another policy has set its own before."""
    for name, value in protection(tls=request.app[SETTINGS].is_secure).items():
        response.headers.setdefault(name, value)
    if is_backoffice(request):  # security: whatever a view says, nobody keeps a page of the staff, nor lists it
        response.headers.update(STAFF_ONLY)
    if REQUEST_ID in request:
        response.headers.setdefault("X-Request-ID", request[REQUEST_ID])
    response.headers["Server"] = SERVER
    if request.app[DRAINING]:  # the next request on this connection would find nobody
        response.headers["Connection"] = "close"
        response.force_close()
