"""What a student does on the page of an exercise: download the notebook, follow it to a chapter."""

import zipfile

from tests.building import ROOT

NAMES = sorted(path.name for path in (ROOT / "exercises" / "source").iterdir())


def test_each_notebook_is_downloaded_from_its_page(site, new_page):
    assert NAMES
    for name in NAMES:
        tab = new_page(360)
        tab.goto(f"{site}book/exercises/{name}.html")
        with tab.expect_download() as started:
            tab.get_by_role("link", name=f"{name}.zip").click()
        assert started.value.suggested_filename == f"{name}.zip"
        with zipfile.ZipFile(started.value.path()) as archive:
            assert archive.testzip() is None
            assert f"{name}/{name}.ipynb" in archive.namelist()


def test_what_to_read_first_is_one_click_away(site, new_page):
    for name in NAMES:
        tab = new_page()
        tab.goto(f"{site}book/exercises/{name}.html")
        before = tab.get_by_role("listitem").filter(has_text="Before you start").last
        with tab.expect_navigation():
            before.get_by_role("link").first.click()
        assert tab.url.startswith(site) and "/exercises/" not in tab.url
        assert tab.locator("article h1").inner_text()[0].isdigit()
