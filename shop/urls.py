"""Every public path of the shop by name, in one table; written by plain formatting, which costs a tenth of aiohttp's url_for."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

# Links last: a path in this table is a promise to everybody who bookmarked it.
PATHS: Mapping[str, str] = {
    "accounts.account": "/account",
    "accounts.activation": "/activation/{token}",
    "accounts.activation_mail": "/activation",
    "accounts.address": "/account/addresses/{id}",
    "accounts.address_default": "/account/addresses/{id}/default",
    "accounts.address_deletion": "/account/addresses/{id}/deletion",
    "accounts.addresses": "/account/addresses",
    "accounts.email": "/account/email",
    "accounts.email_confirmation": "/email-confirmation/{token}",
    "accounts.erasure": "/account/erasure",
    "accounts.language": "/account/language",
    "accounts.login": "/login",
    "accounts.login_code": "/login/code",
    "accounts.logout": "/logout",
    "accounts.new_address": "/account/addresses/new",
    "accounts.other_sessions_end": "/account/sessions/end",
    "accounts.password": "/account/password",
    "accounts.password_reset": "/password-reset",
    "accounts.password_reset_link": "/password-reset/{token}",
    "accounts.personal_data": "/account/personal-data",
    "accounts.personal_data_file": "/account/personal-data/file",
    "accounts.recovery_codes": "/account/second-factor/recovery-codes",
    "accounts.register": "/register",
    "accounts.second_factor": "/account/second-factor",
    "accounts.second_factor_qr": "/account/second-factor/code.svg",
    "accounts.second_factor_removal": "/account/second-factor/removal",
    "accounts.second_factor_secret": "/account/second-factor/secret",
    "accounts.security": "/account/security",
    "accounts.session_end": "/account/sessions/{id}/end",
    "accounts.sessions": "/account/sessions",
    "backoffice.audit": "/backoffice/log",
    "backoffice.audit.check": "/backoffice/log/check",
    "backoffice.blocks": "/backoffice/blocks",
    "backoffice.blocks.block": "/backoffice/blocks/{id}",
    "backoffice.blocks.new": "/backoffice/blocks/new/{kind}",
    "backoffice.blocks.order": "/backoffice/blocks/all/order",
    "backoffice.blocks.picture": "/backoffice/blocks/{id}/picture",
    "backoffice.blocks.picture_removal": "/backoffice/blocks/{id}/picture/removal",
    "backoffice.blocks.preview": "/backoffice/blocks/preview",
    "backoffice.blocks.removal": "/backoffice/blocks/{id}/removal",
    "backoffice.coupons": "/backoffice/coupons",
    "backoffice.coupons.coupon": "/backoffice/coupons/{id}",
    "backoffice.coupons.new": "/backoffice/coupons/new",
    "backoffice.categories": "/backoffice/categories",
    "backoffice.categories.category": "/backoffice/categories/{id}",
    "backoffice.categories.new": "/backoffice/categories/new",
    "backoffice.categories.picture": "/backoffice/categories/{id}/picture",
    "backoffice.categories.picture_removal": "/backoffice/categories/{id}/picture/removal",
    "backoffice.categories.place": "/backoffice/categories/{id}/place",
    "backoffice.customers": "/backoffice/customers",
    "backoffice.customers.activation": "/backoffice/customers/{id}/activation",
    "backoffice.customers.closing": "/backoffice/customers/{id}/closing",
    "backoffice.customers.customer": "/backoffice/customers/{id}",
    "backoffice.customers.opening": "/backoffice/customers/{id}/opening",
    "backoffice.dashboard": "/backoffice",
    "backoffice.delivery": "/backoffice/delivery",
    "backoffice.delivery.area_removal": "/backoffice/delivery/areas/{id}/removal",
    "backoffice.delivery.areas": "/backoffice/delivery/{id}/areas",
    "backoffice.delivery.capacity": "/backoffice/delivery/windows/{id}/capacity",
    "backoffice.delivery.new": "/backoffice/delivery/new",
    "backoffice.delivery.order": "/backoffice/delivery/all/order",
    "backoffice.delivery.plan": "/backoffice/delivery/{id}/plan",
    "backoffice.delivery.planned": "/backoffice/delivery/hours/{id}",
    "backoffice.delivery.planned_removal": "/backoffice/delivery/hours/{id}/removal",
    "backoffice.delivery.windows": "/backoffice/delivery/{id}/windows",
    "backoffice.delivery.zone": "/backoffice/delivery/{id}",
    "backoffice.exports": "/backoffice/exports",
    "backoffice.exports.table": "/backoffice/exports/{name}.csv",
    "backoffice.goods": "/backoffice/goods",
    "backoffice.goods.bin": "/backoffice/goods/{id}/bin",
    "backoffice.goods.bulk": "/backoffice/goods/chosen/changes",
    "backoffice.goods.copy": "/backoffice/goods/{id}/copy",
    "backoffice.goods.new": "/backoffice/goods/new",
    "backoffice.goods.new_sku": "/backoffice/goods/{id}/skus/new",
    "backoffice.goods.pictures": "/backoffice/goods/{id}/pictures",
    "backoffice.goods.pictures_new": "/backoffice/goods/{id}/pictures/new",
    "backoffice.goods.preview": "/backoffice/goods/{id}/preview",
    "backoffice.goods.price": "/backoffice/goods/skus/{id}/price",
    "backoffice.goods.product": "/backoffice/goods/{id}",
    "backoffice.goods.restoring": "/backoffice/goods/{id}/restoring",
    "backoffice.goods.sku": "/backoffice/goods/skus/{id}",
    "backoffice.goods.sku_order": "/backoffice/goods/skus/{id}/order",
    "backoffice.goods.stock": "/backoffice/goods/skus/{id}/stock",
    "backoffice.invitation": "/backoffice/invitations/{token}",
    "backoffice.login": "/backoffice/login",
    "backoffice.login_code": "/backoffice/login/code",
    "backoffice.logout": "/backoffice/logout",
    "backoffice.me": "/backoffice/me",
    "backoffice.me.password": "/backoffice/me/password",
    "backoffice.me.recovery_codes": "/backoffice/me/recovery-codes",
    "backoffice.pages": "/backoffice/pages",
    "backoffice.pages.new": "/backoffice/pages/new",
    "backoffice.pages.order": "/backoffice/pages/all/order",
    "backoffice.pages.page": "/backoffice/pages/{id}",
    "backoffice.orders": "/backoffice/orders",
    "backoffice.orders.cancellation": "/backoffice/orders/{id}/cancellation",
    "backoffice.orders.delivery": "/backoffice/orders/{id}/delivery",
    "backoffice.orders.note": "/backoffice/orders/{id}/note",
    "backoffice.orders.order": "/backoffice/orders/{id}",
    "backoffice.orders.packing": "/backoffice/orders/{id}/packing",
    "backoffice.orders.picking": "/backoffice/orders/picking",
    "backoffice.orders.refund": "/backoffice/orders/{id}/refund",
    "backoffice.orders.shipping": "/backoffice/orders/{id}/shipping",
    "backoffice.orders.slip": "/backoffice/orders/{id}/slip",
    "backoffice.pictures.content": "/backoffice/pictures/content",
    "backoffice.pictures.goods": "/backoffice/pictures/goods",
    "backoffice.reports": "/backoffice/reports",
    "backoffice.returns": "/backoffice/returns",
    "backoffice.returns.answer": "/backoffice/returns/{id}/answer",
    "backoffice.returns.receipt": "/backoffice/returns/{id}/receipt",
    "backoffice.reviews": "/backoffice/reviews",
    "backoffice.reviews.hiding": "/backoffice/reviews/{id}/hiding",
    "backoffice.reviews.showing": "/backoffice/reviews/{id}/showing",
    "backoffice.roles": "/backoffice/roles",
    "backoffice.roles.new": "/backoffice/roles/new",
    "backoffice.roles.removal": "/backoffice/roles/{id}/removal",
    "backoffice.roles.role": "/backoffice/roles/{id}",
    "backoffice.rules": "/backoffice/rules",
    "backoffice.rules.new": "/backoffice/rules/new",
    "backoffice.rules.removal": "/backoffice/rules/{id}/removal",
    "backoffice.rules.rule": "/backoffice/rules/{id}",
    "backoffice.setup": "/backoffice/login/setup",
    "backoffice.staff": "/backoffice/staff",
    "backoffice.staff.disabling": "/backoffice/staff/{id}/disabling",
    "backoffice.staff.enabling": "/backoffice/staff/{id}/enabling",
    "backoffice.staff.invitation": "/backoffice/staff/new",
    "backoffice.staff.link": "/backoffice/staff/{id}/link",
    "backoffice.staff.member": "/backoffice/staff/{id}",
    "backoffice.staff.second_factor_reset": "/backoffice/staff/{id}/second-factor-reset",
    "backoffice.synonyms": "/backoffice/synonyms",
    "backoffice.synonyms.forgetting": "/backoffice/synonyms/forgetting",
    "backoffice.synonyms.removal": "/backoffice/synonyms/{id}/removal",
    "backoffice.tables": "/backoffice/tables",
    "backoffice.tables.bringing": "/backoffice/tables/bringing",
    "backoffice.tables.errors": "/backoffice/tables/imports/{id}/errors.csv",
    "backoffice.tables.import": "/backoffice/tables/imports/{id}",
    "backoffice.tables.taking": "/backoffice/tables/imports/{id}/taking",
    "backoffice.tables.template": "/backoffice/tables/templates/{name}.csv",
    "cart.cart": "/cart",
    "cart.coupon": "/cart/coupon",
    "cart.coupon_removal": "/cart/coupon/removal",
    "cart.lines": "/cart/lines",
    "cart.place": "/cart/place",
    "cart.quantity": "/cart/lines/{sku}",
    "cart.removal": "/cart/lines/{sku}/removal",
    "cart.return": "/cart/lines/{sku}/return",
    "cart.saving": "/cart/lines/{sku}/saving",
    "catalog.category": "/categories/{slug}",
    "catalog.home": "/",
    "catalog.product": "/products/{slug}",
    "catalog.robots": "/robots.txt",
    "catalog.sitemap": "/sitemap.xml",
    "catalog.sitemap_part": "/sitemaps/{part}.xml",
    "checkout.checkout": "/checkout",
    "content.page": "/pages/{slug}",
    "health.healthz": "/healthz",
    "health.readyz": "/readyz",
    "health.metrics": "/metrics",
    "history.clearing": "/account/history/clearing",
    "history.history": "/account/history",
    "mailroom.html": "/dev/mail/{id}/html",
    "mailroom.mail": "/dev/mail/{id}",
    "mailroom.mails": "/dev/mail",
    "media.file": "/media/{name}",
    "orders.again": "/orders/{number}/again",
    "orders.cancellation": "/orders/{number}/cancellation",
    "orders.events": "/orders/{number}/events",
    "orders.lookup": "/orders",
    "orders.order": "/orders/{number}",
    "orders.orders": "/account/orders",
    "orders.receipt": "/orders/{number}/receipt",
    "orders.return": "/orders/{number}/return",
    "payments.notice": "/payments/{provider}/notice",
    "payments.payment": "/orders/{number}/payment",
    "payments.returned": "/orders/{number}/payment/return",
    "reviews.review": "/account/reviews/{product}",
    "search.results": "/search",
    "search.suggestions": "/search/suggestions",
    "static.file": "/static/{version}/{path:.+}",
}


class Urls:
    """Paths and absolute links in each language; the first language has no prefix.

    `base` (SHOP_URL) is the only source of absolute links: nothing a request says can change where a mail points.
    """

    def __init__(self, base: str, languages: tuple[str, ...]) -> None:
        self.base = base.rstrip("/")
        self.languages = languages

    def path(self, name: str, lang: str, /, query: Mapping[str, object] | None = None, **params: object) -> str:
        """The path of a named page, KeyError when there is no such name or a parameter is missing."""
        quoted = {key: quote(str(value), safe="") for key, value in params.items()}
        path = self.localized(PATHS[name].format_map(quoted), lang)
        return f"{path}?{urlencode(query)}" if query else path

    def absolute(self, name: str, lang: str, /, query: Mapping[str, object] | None = None, **params: object) -> str:
        """The same as a full link, for mails, canonical and hreflang."""
        return self.base + self.path(name, lang, query, **params)

    def localized(self, path: str, lang: str) -> str:
        """A bare path (or route pattern) in a language: "/login" in "zh" is "/zh/login"."""
        if lang == self.languages[0]:
            return path
        return f"/{lang}" if path == "/" else f"/{lang}{path}"

    def bare(self, path: str) -> tuple[str, str]:
        """(language, path without its prefix) of a path: "/zh/login" is ("zh", "/login")."""
        for lang in self.languages[1:]:
            if path == f"/{lang}":
                return lang, "/"
            if path.startswith(f"/{lang}/"):
                return lang, path[len(lang) + 1 :]
        return self.languages[0], path
