"""Everything about a person: only for who has signed in a moment ago."""

from shop.accounts.personal_data import views
from shop.web.access import fresh
from shop.web.routing import action, form, page

ROUTES = [
    page("accounts.personal_data", views.personal_data, fresh),
    action("accounts.personal_data_file", views.personal_data_file, fresh),
    form("accounts.erasure", views.erasure, fresh),
]
