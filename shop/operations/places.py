"""Where everything of a shop stands on a host of Debian; below another prefix for a look, or for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Folders below `prefix`; `prefix` is / on a real host."""

    prefix: Path = Path("/")

    @property
    def etc(self) -> Path:
        """The settings, for root only."""
        return self.prefix / "etc/bayberry"

    @property
    def nginx(self) -> Path:
        return self.prefix / "etc/nginx"

    @property
    def units(self) -> Path:
        return self.prefix / "etc/systemd/system"

    @property
    def redis(self) -> Path:
        return self.prefix / "etc/redis"

    @property
    def run(self) -> Path:
        """The sockets of the web processes, which systemd makes."""
        return self.prefix / "run/bayberry"

    @property
    def data(self) -> Path:
        """Static files of each version, the proxy's own pages, pictures, challenges of certificates."""
        return self.prefix / "var/lib/bayberry"

    @property
    def media(self) -> Path:
        """The pictures, when they are kept in a folder."""
        return self.data / "media"

    @property
    def cache(self) -> Path:
        """The proxy's copies of pages."""
        return self.prefix / "var/cache/bayberry"

    @property
    def logs(self) -> Path:
        return self.prefix / "var/log/nginx"

    @property
    def code(self) -> Path:
        """The release that runs: a link, so that an upgrade is one rename."""
        return self.prefix / "opt/bayberry/current"

    @property
    def python(self) -> Path:
        """The interpreter of the release that runs, with its packages."""
        return self.code / ".venv/bin/python"

    @property
    def environment(self) -> Path:
        """The settings of the shop as systemd reads them."""
        return self.etc / "environment"
