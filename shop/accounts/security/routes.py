"""What protects an account: whoever changes it has signed in a moment ago."""

from shop.accounts.security import views
from shop.accounts.security.email import views as email
from shop.accounts.security.password import views as password
from shop.accounts.security.second_factor import views as second_factor
from shop.web.access import anyone, fresh, signed_in
from shop.web.routing import action, form, page

ROUTES = [
    page("accounts.security", views.security, signed_in),
    form("accounts.password", password.password, fresh),
    form("accounts.password_reset", password.password_reset, anyone),
    form("accounts.password_reset_link", password.password_reset_link, anyone),
    form("accounts.email", email.email, fresh),
    form("accounts.email_confirmation", email.email_confirmation, anyone),
    form("accounts.second_factor", second_factor.second_factor, fresh),
    action("accounts.second_factor_secret", second_factor.new_secret, fresh),
    page("accounts.second_factor_qr", second_factor.qr, fresh),
    action("accounts.second_factor_removal", second_factor.removal, fresh),
    action("accounts.recovery_codes", second_factor.recovery_codes, fresh),
]
