"""Electricity of a region: its carbon intensity in a year, found by country code or name of row."""

from __future__ import annotations

from functools import cache
from numbers import Integral

from course_lib.facts.lookup import Fact, fact
from course_lib.facts.tables import near, rows

_CODES = """
aeare ararg ataut auaus bdbgd bebel bgbgr brbra cacan chche clchl cnchn cocol crcri czcze dedeu
dkdnk eeest egegy esesp eteth fifin frfra gbgbr grgrc hkhkg hrhrv huhun ididn ieirl ilisr inind
isisl itita jpjpn keken krkor kzkaz ltltu lulux lvlva mamar mxmex mymys ngnga nlnld nonor nznzl
peper phphl pkpak plpol ptprt pypry qaqat rorou rssrb rurus rwrwa sasau seswe sgsgp sisvn sksvk
ththa tntun trtur twtwn uaukr ususa uyury uzuzb vnvnm zazaf
"""
# ISO 3166-1 alpha-2 to alpha-3, for the countries of the table; and two codes in common use
ALPHA_3 = {pair[:2]: pair[2:] for pair in _CODES.split()} | {"uk": "gbr", "eu": "eu27"}


def grid_intensity(region: str, year: int) -> Fact:
    """Average carbon intensity of a region's electricity.

    Of countries it is life-cycle CO2e; of cloud regions and states it is of generation alone, as
    the column ``method`` of the table ``grid_intensity`` says.

    Parameters
    ----------
    region : str
        ISO 3166 alpha-2 or alpha-3 code in any case, or another key of the table, say
        ``"us_iowa"``.
    year : int
        Calendar year.

    Returns
    -------
    Fact

    Raises
    ------
    TypeError, ValueError
        For a region or a year that the table lacks, with near names or the years it has.

    Examples
    --------
    >>> print(grid_intensity("FR", 2022).unit)
    gCO2e/kWh
    """
    return fact(f"{_keys()[check_region(region, year), year]}.intensity")


def check_region(region: str, year: int | None = None) -> str:
    """The table's name of a region, if it is there in that year."""
    if not isinstance(region, str):
        raise TypeError(f"region is a {type(region).__name__}; give a code such as 'FRA'")
    if year is not None and (isinstance(year, bool) or not isinstance(year, Integral)):
        raise TypeError(f"year is {year!r}; give a whole number such as 2024")
    known = {name for name, _ in _keys()}
    name = region.strip().lower().replace("-", "_")
    name = ALPHA_3.get(name, name)
    if name not in known:
        in_words = _names().get(region.strip().lower())
        hint = f"Give {in_words!r}" if in_words else near(name, known | set(_names()))
        raise ValueError(f"region is {region!r}; the table of grid intensities lacks it. {hint}")
    years = sorted(y for n, y in _keys() if n == name)
    if year is not None and year not in years:
        nearest = sorted(years, key=lambda other: abs(other - year))[:3]
        raise ValueError(
            f"year is {year}; for {region} the table has {years[0]} to {years[-1]}, "
            f"nearest {', '.join(map(str, nearest))}"
        )
    return name


@cache
def _keys() -> dict[tuple[str, int], str]:
    """Region and year of each row of annual life-cycle intensity, with the row's key.

    Rows of another method end in its name, say ``usa_2020_direct``, and are no defaults.
    """
    keys = {}
    for row in rows("grid_intensity"):
        name, _, year = row["key"].rpartition("_")
        if year == row["year"]:
            keys[name, int(year)] = row["key"]
    return keys


@cache
def _names() -> dict[str, str]:
    """The table's names in words, lower case, with the name of the region in its keys."""
    return {
        row["region"].lower(): row["key"].rpartition("_")[0]
        for row in rows("grid_intensity")
        if row["key"].endswith(row["year"])
    }
