"""The address of the reports."""

from shop.backoffice.reports import views
from shop.web.routing import page
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

ROUTES = [page("backoffice.reports", views.reports, staff_only(Permission.REPORTS))]
