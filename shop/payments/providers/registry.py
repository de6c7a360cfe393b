"""The providers this place has switched on (SHOP_PAYMENT_METHODS)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from shop.payments.providers.base import Provider
from shop.payments.providers.cash import Cash
from shop.payments.providers.client import Client
from shop.payments.providers.sandbox import Sandbox
from shop.settings import Settings, SettingsError


def _alipay(settings: Settings, client: Client) -> Provider:
    from shop.payments.providers.alipay import (
        Alipay,
    )  # with RSA and its keys, 3 MB that a shop without it need not hold

    return Alipay.of(settings, client)


MAKERS: Final[Mapping[str, Callable[[Settings, Client], Provider]]] = {
    "alipay": _alipay,
    "cash": Cash.of,
    "sandbox": Sandbox.of,
}


class Providers:
    """All of them by name, in the order in which they are offered."""

    def __init__(self, providers: Mapping[str, Provider], client: Client | None = None) -> None:
        self._providers = dict(providers)
        self._client = client

    @classmethod
    def of(cls, settings: Settings) -> Providers:
        """Those of the settings; raises SettingsError, in one sentence, for one without its secret."""
        client = Client()
        for name in settings.payment_methods:
            if name not in MAKERS:
                raise SettingsError(f"SHOP_PAYMENT_METHODS names {name}; there are {', '.join(MAKERS)}.")
        return cls({name: MAKERS[name](settings, client) for name in settings.payment_methods}, client)

    def get(self, name: str) -> Provider | None:
        """The provider, if it is switched on."""
        return self._providers.get(name)

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers.values())

    @property
    def labels(self) -> dict[str, str]:
        """What people call them, by name."""
        return {provider.name: provider.label for provider in self}

    @property
    def origins(self) -> tuple[str, ...]:
        """Where a form that starts a payment may lead."""
        return tuple(dict.fromkeys(origin for provider in self for origin in provider.origins))

    async def close(self) -> None:
        """Let go of all connections."""
        if self._client is not None:
            await self._client.close()
