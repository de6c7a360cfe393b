"""All pages of the back office. Each names the permission it needs; the sections stand in the order of the navigation."""

from shop.backoffice import views
from shop.backoffice.audit.routes import ROUTES as AUDIT
from shop.backoffice.categories.routes import ROUTES as CATEGORIES
from shop.backoffice.content.routes import ROUTES as CONTENT
from shop.backoffice.coupons.routes import ROUTES as COUPONS
from shop.backoffice.customers.routes import ROUTES as CUSTOMERS
from shop.backoffice.delivery.routes import ROUTES as DELIVERY
from shop.backoffice.goods.routes import ROUTES as GOODS
from shop.backoffice.mails.routes import ROUTES as MAILS
from shop.backoffice.me.routes import ROUTES as ME
from shop.backoffice.orders.routes import ROUTES as ORDERS
from shop.backoffice.origins.routes import ROUTES as ORIGINS
from shop.backoffice.pictures.routes import ROUTES as PICTURES
from shop.backoffice.reports.routes import ROUTES as REPORTS
from shop.backoffice.returns.routes import ROUTES as RETURNS
from shop.backoffice.reviews.routes import ROUTES as REVIEWS
from shop.backoffice.roles.routes import ROUTES as ROLES
from shop.backoffice.rules.routes import ROUTES as RULES
from shop.backoffice.settings.routes import ROUTES as SETTINGS
from shop.backoffice.sign_in.routes import ROUTES as SIGN_IN
from shop.backoffice.staff.routes import ROUTES as STAFF
from shop.backoffice.synonyms.routes import ROUTES as SYNONYMS
from shop.backoffice.tables.routes import ROUTES as TABLES
from shop.web.routing import page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

ROUTES = [
    *SIGN_IN,
    page("backoffice.dashboard", views.dashboard, staff_only(Permission.DESK)),
    *ORDERS,
    *RETURNS,
    *GOODS,
    *CATEGORIES,
    *ORIGINS,
    *TABLES,
    *COUPONS,
    *RULES,
    *SYNONYMS,
    *CUSTOMERS,
    *MAILS,
    *REVIEWS,
    *CONTENT,
    *DELIVERY,
    *SETTINGS,
    *REPORTS,
    *ME,
    *STAFF,
    *ROLES,
    *AUDIT,
    *PICTURES,
]
