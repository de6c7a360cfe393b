"""The provinces of China with the beginnings of their postcodes, and what countries are called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from shop.accounts.addresses.models import HOME_COUNTRY
from shop.i18n import locale_of


@dataclass(frozen=True, slots=True)
class Province:
    """One province, municipality or region; `prefixes` are the first two digits of its postcodes, none where it has its own system."""

    chinese: str
    english: str
    prefixes: tuple[str, ...] = ()
    is_city: bool = False


# Ministry of Civil Affairs, names of the 34 divisions; China Post, postcode regions.
PROVINCES: Final = (
    Province("北京市", "Beijing", ("10",), is_city=True),
    Province("天津市", "Tianjin", ("30",), is_city=True),
    Province("河北省", "Hebei", ("05", "06", "07")),
    Province("山西省", "Shanxi", ("03", "04")),
    Province("内蒙古自治区", "Inner Mongolia", ("01", "02", "16")),
    Province("辽宁省", "Liaoning", ("11", "12")),
    Province("吉林省", "Jilin", ("13",)),
    Province("黑龙江省", "Heilongjiang", ("15", "16")),
    Province("上海市", "Shanghai", ("20",), is_city=True),
    Province("江苏省", "Jiangsu", ("21", "22")),
    Province("浙江省", "Zhejiang", ("31", "32")),
    Province("安徽省", "Anhui", ("23", "24")),
    Province("福建省", "Fujian", ("35", "36")),
    Province("江西省", "Jiangxi", ("33", "34")),
    Province("山东省", "Shandong", ("25", "26", "27")),
    Province("河南省", "Henan", ("45", "46", "47")),
    Province("湖北省", "Hubei", ("43", "44")),
    Province("湖南省", "Hunan", ("41", "42")),
    Province("广东省", "Guangdong", ("51", "52")),
    Province("广西壮族自治区", "Guangxi", ("53", "54")),
    Province("海南省", "Hainan", ("57",)),
    Province("重庆市", "Chongqing", ("40",), is_city=True),
    Province("四川省", "Sichuan", ("61", "62", "63", "64")),
    Province("贵州省", "Guizhou", ("55", "56")),
    Province("云南省", "Yunnan", ("65", "66", "67")),
    Province("西藏自治区", "Tibet", ("85", "86")),
    Province("陕西省", "Shaanxi", ("71", "72")),
    Province("甘肃省", "Gansu", ("73", "74")),
    Province("青海省", "Qinghai", ("81",)),
    Province("宁夏回族自治区", "Ningxia", ("75",)),
    Province("新疆维吾尔自治区", "Xinjiang", ("83", "84")),
    Province("香港特别行政区", "Hong Kong", is_city=True),
    Province("澳门特别行政区", "Macao", is_city=True),
    Province("台湾省", "Taiwan"),
)
_ENDINGS: Final = ("壮族自治区", "回族自治区", "维吾尔自治区", "特别行政区", "自治区", "省", "市")


def province_called(name: str) -> Province | None:
    """The province people mean by "广东", "广东省" or "guangdong"."""
    return _by_name().get(name.strip().casefold())


@lru_cache
def countries(lang: str) -> list[tuple[str, str]]:
    """(code, name) of every country in a language, the shop's own first, then by name."""
    names = {code: str(name) for code, name in locale_of(lang).territories.items() if _is_country(code)}
    others = sorted((item for item in names.items() if item[0] != HOME_COUNTRY), key=lambda item: item[1])
    return [(HOME_COUNTRY, names[HOME_COUNTRY]), *others]


def _is_country(code: str) -> bool:
    # In the list stand countries to deliver to; the regions above are part of China's form.
    return (
        len(code) == 2 and code.isalpha() and code not in {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO", "HK", "MO", "TW"}
    )


@lru_cache
def _by_name() -> dict[str, Province]:
    found: dict[str, Province] = {}
    for province in PROVINCES:
        short = next(province.chinese.removesuffix(end) for end in _ENDINGS if province.chinese.endswith(end))
        found |= dict.fromkeys((province.chinese, short, province.english.casefold()), province)
    return found
