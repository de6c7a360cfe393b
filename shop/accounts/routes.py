"""All pages of the account and who may enter them, part by part."""

from shop.accounts import views
from shop.accounts.registration.routes import ROUTES as REGISTRATION
from shop.accounts.sessions.routes import ROUTES as SESSIONS
from shop.accounts.sign_in.routes import ROUTES as SIGN_IN
from shop.web.access import signed_in
from shop.web.routing import page

ROUTES = [
    *REGISTRATION,
    *SIGN_IN,
    *SESSIONS,
    page("accounts.account", views.account, signed_in),
]
