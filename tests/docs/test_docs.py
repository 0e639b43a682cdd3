"""What the README and the guide say is what happens."""

from __future__ import annotations

import ast
import gc
import re
import sys
import tomllib
from pathlib import Path

import pytest

from docs.snippets import PAGES, ROOT, blocks, like, run
from modelmux import errors
from modelmux.cost import units
from modelmux.routing.needs import ABILITIES

README = (ROOT / "README.md").read_text("utf-8")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_block_runs_and_prints_what_the_page_shows(path, modelmux_vendors, tmp_path, monkeypatch, no_vendor_keys):
    monkeypatch.chdir(tmp_path)
    for name, value in modelmux_vendors.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("modelmux._default._made", {})
    for outcome in run(path, modelmux_vendors):
        expected = outcome.block.expected
        if expected is not None and not outcome.as_written:
            assert outcome.printed == expected.code, f"{name_of(path)}:{expected.line} (see tests/docs/snippets.py)"
    gc.collect()


def test_a_wrong_output_is_noticed():
    (block,) = blocks("prose\n\n```python\nprint(1)\n```\n\n```text\n2\n```\n")
    assert block.expected is not None
    assert not like(block.expected.code, "1\n")
    assert like("a … c\n", "a b c\n")
    assert not like("a … c\n", "a b d\n")


def test_what_is_not_run_says_why():
    for path in PAGES:
        for said in re.findall(r"<!-- not run:(.*?)-->", path.read_text("utf-8")):
            assert len(said.split()) >= 2, name_of(path)


# --- the README --------------------------------------------------------------------------------------------------

COMMANDS = {
    "demo": "python3 -m venv .venv && .venv/bin/pip install -q -e '.[cli]' && .venv/bin/modelmux demo",
    "tests": "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest -q",
}


@pytest.mark.parametrize("mark", COMMANDS)
def test_the_readme_has_the_two_commands_where_ci_looks_for_them(mark):
    found = re.findall(rf"<!-- {mark} -->\n```sh\n(.*?)\n```\n", README, re.DOTALL)
    assert found == [COMMANDS[mark]]


def test_the_first_screen_has_install_use_and_the_commands():
    """A screen is what a terminal or a browser window shows without scrolling: about fifty lines of source."""
    screen = "\n".join(README.splitlines()[:50])
    first = next(block for block in blocks(README) if block.kind == "python")
    assert "pip install modelmux" in screen
    assert first.expected is not None
    assert len([line for line in first.code.splitlines() if line.strip()]) <= 10
    for command in COMMANDS.values():
        assert command in screen


def test_links_inside_the_project_lead_somewhere():
    for path in PAGES:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{name_of(path)} links to {target}"


# --- what else the project promises in its texts -----------------------------------------------------------------

DISTRIBUTIONS = {"importlinter": "import-linter", "pydantic_core": "pydantic", "_pytest": "pytest"}


def test_the_test_extra_holds_what_the_suite_imports():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["test"], *extras["cli"], *extras["vertex"]]
    held = {re.split(r"[\[<>=]", spec)[0] for spec in wanted}
    tests = ROOT / "tests"
    own = {path.stem for folder in (tests, ROOT / "scripts", ROOT / "benchmarks") for path in folder.iterdir()} | {
        "modelmux"
    }
    found = {"importlinter"}  # test_layout names it in the text of a child process
    for path in tests.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            found |= {name.partition(".")[0] for name in names}
    foreign = found - own - set(sys.stdlib_module_names)
    assert {DISTRIBUTIONS.get(name, name) for name in foreign} <= held


def error_classes() -> dict[str, type]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.ModelmuxError)
    }


def test_the_error_page_has_every_class_and_the_tree_as_it_is():
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    drawn = re.search(r"ModelmuxError\n.*?carries the partial +NEVER", errors.__doc__, re.DOTALL).group()
    tree = "\n".join(line.removeprefix("    ") for line in drawn.splitlines())
    assert tree in page
    documented = re.findall(r"^\| `([A-Z]\w+)` \|", page, re.MULTILINE)
    assert set(documented) == set(error_classes()) - {"ModelmuxError", "ProviderError"}
    assert len(documented) == len(set(documented))


def test_the_error_page_gives_each_retry_class_and_bill_as_they_are():
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    for name, cls in error_classes().items():
        if issubclass(cls, errors.ProviderError) and cls is not errors.ProviderError:
            row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
            assert f"| {cls.default_retry.name} | {cls.default_billed.value} |" in row, name


def test_the_concepts_list_every_unit_and_ability():
    page = (ROOT / "docs" / "concepts.md").read_text("utf-8")
    assert {unit for unit in units.PER if f"`{unit}`" not in page} == set()
    assert {ability for ability in ABILITIES if f"`{ability}`" not in page} == set()


def test_the_configuration_page_has_every_key():
    from modelmux.config import Config, EndpointConfig, ProviderConfig

    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    for model in (Config, EndpointConfig, ProviderConfig):
        assert {name for name in model.model_fields if f"`{name}`" not in page} == set()


def test_the_ledger_page_has_every_column():
    from modelmux.cost.records import COLUMNS

    page = (ROOT / "docs" / "ledger.md").read_text("utf-8")
    assert {column for column in COLUMNS if f"`{column}`" not in page} == set()


def test_the_provider_page_is_what_the_rows_say(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from provider_docs import page

    assert (ROOT / "docs" / "providers.md").read_text("utf-8") == page(), "run scripts/provider_docs.py"
