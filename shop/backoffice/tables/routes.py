"""Addresses of tables: what tells about customers and money is for reports, what changes goods for the catalogue."""

from shop.backoffice.tables import views
from shop.web.routing import action, page, upload
from shop.web.staff import Permission
from shop.web.staff_doors import staff_only

reports = staff_only(Permission.REPORTS)
catalogue = staff_only(Permission.CATALOGUE)

ROUTES = [
    page("backoffice.exports", views.exports, reports),
    page("backoffice.exports.table", views.export, reports),
    page("backoffice.tables", views.tables, catalogue),
    upload("backoffice.tables.bringing", views.bring, catalogue),
    page("backoffice.tables.template", views.template, catalogue),
    page("backoffice.tables.import", views.one_import, catalogue),
    action("backoffice.tables.taking", views.take, catalogue),
    page("backoffice.tables.errors", views.errors, catalogue),
]
