"""Goal: the house rules hold, because a machine reads every file. Method: parse what the repository holds.

Each rule is a function from text to complaints; the controls at the end feed it a text that breaks it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ticketing.errors import Code
from ticketing.inventory.codes import Outcome
from ticketing.settings import Settings

ROOT = Path(__file__).parent.parent
LUA = ROOT / "ticketing" / "inventory" / "lua"
MODULE_LINES_MAX, FUNCTION_LINES_MAX, LUA_LINES_MAX = 400, 50, 80
OURS = ("ticketing", "tests", "loadtests", "web", "scripts", "docs", "requirements", "examples", ".ci")
TEXT = {".py", ".lua", ".md", ".toml", ".html", ".css", ".js", ".txt", ".po", ".in", ".mako", ".json", ""}
GIVES_BACK = {"confirm", "expire", "release", "restock", "trim"}
HEADER_FIELDS = ("uses", "request", "results")


def _files(*suffixes: str) -> list[Path]:
    tops = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]  # a file in a worktree
    found = tops + [path for folder in OURS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return sorted(p for p in found if p.suffix in suffixes and "__pycache__" not in p.parts)


def _python() -> list[Path]:
    return _files(".py")


def _verbs() -> list[Path]:
    return sorted(LUA.glob("*.lua"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


# The rules


def too_long(text: str, lines_max: int) -> Iterator[str]:
    lines = text.count("\n")
    if lines > lines_max:
        yield f"{lines} lines; {lines_max} at most"


def long_functions(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.name} has {lines} lines; {FUNCTION_LINES_MAX} at most"


def unfinished(text: str) -> Iterator[str]:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")
    yield from (f"holds {word}" for word in words if re.search(rf"\b{word}\b", text))


def secrets_or_places(text: str) -> Iterator[str]:
    shapes = {
        "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
        "an access token": r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|sk-[A-Za-z0-9]{32,})\b",
        "a password in a URL": r"(redis|postgresql)(\+\w+)?://\w*:[^@\s{}$.]+@(?!localhost|127\.)",
        "a folder of one machine": r"(?<![\w./-])/(root|home/\w+|Users/\w+|work)/",
    }
    yield from (f"holds {what}" for what, shape in shapes.items() if re.search(shape, text))


def header_faults(name: str, text: str) -> Iterator[str]:
    """What the header of a script lacks: its name and purpose, what it uses, takes, answers and writes."""
    lines = text.splitlines()
    if not re.match(rf"-- {name}\.lua: \S.*\.$", lines[0] if lines else ""):
        yield f"the first line is not `-- {name}.lua: what it does.`"
    header = "\n".join(line for line in lines if line.startswith("--"))
    fields = dict(re.findall(r"^-- (uses|flags|request|results|writes) +(.+)$", header, re.MULTILINE))
    yield from (f"the header has no `{field}`" for field in HEADER_FIELDS if field not in fields)
    if ("writes" in fields) == ("no-writes" in fields.get("flags", "")):
        yield "a script either says what it writes or carries the flag no-writes"
    if name in GIVES_BACK and "allow-oom" not in fields.get("flags", ""):
        yield "a script that gives back or finishes must run without free memory: flag allow-oom"


def unannounced_outcomes(verb: str) -> Iterator[str]:
    """Outcomes that a verb names in its code and not in its header, and words in its header that are no outcome."""
    header = "\n".join(line for line in verb.splitlines() if line.startswith("--"))
    results = re.search(r"^-- results +(.+(?:\n-- {10}.+)*)$", header, re.MULTILINE)
    announced = set(re.findall(r"\b[A-Z][A-Z_]{2,}[A-Z]\b|\bOK\b", results[1] if results else ""))
    known = {outcome.name for outcome in Outcome}
    yield from (f"the header names {name}, which codes.py does not have" for name in announced - known)
    if "refusal" not in (results[1] if results else ""):
        code = "\n".join(line for line in verb.splitlines() if not line.startswith("--"))
        named = {name for name in known if re.search(rf"\b{name}\b", code)}
        yield from (f"it answers {name}, which its header does not say" for name in named - announced)


def key_making(text: str) -> Iterator[str]:
    if re.search(r"'KEYS'|\"KEYS\"|KEYS \*", text):
        yield "asks for all keys"
    if re.search(r"ticketing:", text.replace("ticketing:{GROUP}", "")):
        yield "builds a key; keys come from keys.py"


# The repository under the rules


@pytest.mark.parametrize("path", _python(), ids=_name)
def test_python(path: Path) -> None:
    text = path.read_text()
    complaints = [*too_long(text, MODULE_LINES_MAX), *long_functions(text), *unfinished(text)]
    assert complaints == []


@pytest.mark.parametrize("path", sorted(LUA.rglob("*.lua")), ids=_name)
def test_lua(path: Path) -> None:
    text = path.read_text()
    assert [*too_long(text, LUA_LINES_MAX), *unfinished(text), *key_making(text)] == []


@pytest.mark.parametrize("path", _verbs(), ids=_name)
def test_a_verbs_header_agrees_with_its_code(path: Path) -> None:
    text = path.read_text()
    assert [*header_faults(path.stem, text), *unannounced_outcomes(text)] == []


def test_every_verb_is_called_and_every_call_has_a_verb() -> None:
    callers = "".join(
        (ROOT / "ticketing" / "inventory" / name).read_text()
        for name in ("keeper.py", "rush.py", "restore.py")
    )
    called = set(re.findall(r"(?:_run|_ask|scripts\.load)\(\s*\"(\w+)\"", callers))
    assert called == {path.stem for path in _verbs()}


def test_every_shared_part_and_every_outcome_is_used() -> None:
    headers = "\n".join(path.read_text() for path in _verbs())
    used = {part for line in re.findall(r"^-- uses +(.+)$", headers, re.MULTILINE) for part in line.split()}
    assert used == {path.stem for path in (LUA / "shared").glob("*.lua")}
    code = "".join(path.read_text() for path in LUA.rglob("*.lua"))
    assert [outcome.name for outcome in Outcome if not re.search(rf"\b{outcome.name}\b", code)] == []


def test_every_refusal_of_a_script_has_a_code() -> None:
    words = {code.value for code in Code} | {"key_reused"}
    refusals = [outcome.name.lower() for outcome in Outcome if outcome < 0]
    assert set(refusals) - words == set()


@pytest.mark.parametrize("path", _files(*TEXT), ids=_name)
def test_no_secret_and_no_place(path: Path) -> None:
    assert list(secrets_or_places(path.read_text(errors="replace"))) == []


@pytest.mark.parametrize("name", ["serving", "rush", "development"])
def test_requirement_files_are_hashed_and_name_no_host(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    pinned = re.findall(r"^([a-z0-9-]+)==\S+.*\\\n +--hash=sha256:", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^[a-z0-9-]+\W", text, re.MULTILINE)) > 40
    assert re.findall(r"https?://|--index|--find-links|^/|file:", text, re.MULTILINE) == []


def test_requirement_files_agree() -> None:
    files = {name: _pins(name) for name in ("serving", "rush", "development")}
    assert files["serving"].items() <= files["rush"].items() <= files["development"].items()
    assert not any(package.startswith("locust") for package in files["serving"])


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def test_the_licence_is_apache_2() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_is_documented(setting: str) -> None:
    assert f"`TICKETING_{setting.upper()}`" in (ROOT / "docs" / "settings.md").read_text()


def test_tests_say_their_goal_first() -> None:
    silent = [
        _name(path)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if len((ast.get_docstring(ast.parse(path.read_text())) or "").split()) < 8
    ]
    assert silent == []


# Controls: each rule can fail


@pytest.mark.parametrize(
    "complaints",
    [
        too_long("\n" * 401, MODULE_LINES_MAX),
        long_functions("def long():\n" + "    pass\n" * 50),
        unfinished("# TO" + "DO: later"),
        secrets_or_places("-----BEGIN RSA " + "PRIVATE KEY-----"),
        secrets_or_places("redis" + "://:hunter2@example.org/0"),
        secrets_or_places("see /ro" + "ot/notes"),
        header_faults("hold", "-- hold.lua\n"),
        header_faults(
            "trim", "-- trim.lua: drop.\n-- uses  x\n-- request  x\n-- results  x\n-- writes  log\n"
        ),
        header_faults("look", "-- look.lua: look.\n-- uses  x\n-- request  x\n-- results  x\n"),
        unannounced_outcomes("-- results  {OK}\nreturn { SOLD_OUT }\n"),
        unannounced_outcomes("-- results  {OK} or {SOLD_UP}\n"),
        key_making("redis.call('KEYS', '*')"),
        key_making("redis.call('GET', 'ticketing:' .. id)"),
    ],
)
def test_control_each_rule_can_fail(complaints: Iterator[str]) -> None:
    assert list(complaints) != []
