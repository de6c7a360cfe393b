"""All pages of the account and who may enter them, part by part."""

from shop.accounts import views
from shop.accounts.addresses.routes import ROUTES as ADDRESSES
from shop.accounts.personal_data.routes import ROUTES as PERSONAL_DATA
from shop.accounts.registration.routes import ROUTES as REGISTRATION
from shop.accounts.security.routes import ROUTES as SECURITY
from shop.accounts.sessions.routes import ROUTES as SESSIONS
from shop.accounts.sign_in.routes import ROUTES as SIGN_IN
from shop.web.access import signed_in
from shop.web.routing import action, page

ROUTES = [
    *REGISTRATION,
    *SIGN_IN,
    page("accounts.account", views.account, signed_in),
    action("accounts.language", views.language, signed_in),
    *ADDRESSES,
    *SECURITY,
    *SESSIONS,
    *PERSONAL_DATA,
]
