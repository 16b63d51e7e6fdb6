"""Goal: a page loads nothing that the content policy or a stranger could change under it.

Method: vendored files are held against the checksums that their README names; templates are searched for what the
policy refuses; every template compiles in both languages.
"""

import base64
import hashlib
import re

import pytest

from ticketing.api.pages.languages import load_languages
from ticketing.api.pages.rendering import CONTENT_SECURITY_POLICY, SHEET, Renderer
from ticketing.resources import package_files

WEB = package_files("web")
VENDOR = WEB / "static" / "vendor"
TEMPLATES = sorted(path.relative_to(WEB / "templates").as_posix() for path in WEB.rglob("*.html"))
INLINE = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=|javascript:|https?://", re.IGNORECASE)


def test_vendored_files_are_what_they_say() -> None:
    listed = dict(
        re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text(), re.MULTILINE)
    )
    files = (path for path in VENDOR.rglob("*") if path.is_file())
    present = {path.relative_to(VENDOR).as_posix() for path in files} - {"README.md"}
    assert {name for name in present if not name.endswith("LICENSE.md")} == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_template_has_anything_inline(template: str) -> None:
    text = (WEB / "templates" / template).read_text()
    for allowed in ("<style>{{ sheet }}</style>", '<script type="application/ld+json">'):  # no code of ours
        text = text.replace(allowed, "")
    assert INLINE.findall(text) == []


def test_something_inline_would_be_found() -> None:
    """The control."""
    for bad in ('<p style="x">', "<script>1</script>", '<a onclick="x">', "<style>", '<img src="https://x">'):
        assert INLINE.search(bad), bad
    assert not INLINE.search('<script src="/static/page.js" defer></script>')


def test_the_policy_allows_our_own_files_only() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "script-src 'self';" in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


def test_the_one_sheet_inside_a_page_is_the_one_the_policy_names() -> None:
    digest = base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}';" in CONTENT_SECURITY_POLICY
    assert (WEB / "static" / "member.css").read_text().strip() == SHEET
    assert len(SHEET) <= 12_000


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_compiles(template: str) -> None:
    renderer = Renderer(WEB)
    for language in load_languages(WEB):
        renderer.template(language, template)
