"""The house stands as it is drawn: who may import whom, and what no file may hold."""

import ast
import functools
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parents[1]

# Dependencies point down: a module imports only what stands on its own line or above it here.
# A package speaks for its modules, except for those that have a line of their own.
CORE_ORDER = (
    ("core.errors",),
    ("core.graph.layers", "core.graph.coupling", "core.pruning.masks", "core.comparison"),
    ("core.graph.rows", "core.comparison_rows"),
    ("core.config", "core.events"),
    ("core.memory", "core.archives", "core.layout"),
    ("core.presets",),
    ("core.health",),
    ("core.networks", "core.data"),
    ("core.graph",),
    ("core.pruning",),
    ("core.evaluation",),
    ("core.augmentation", "core.distillation", "core.adapting", "core.scoring"),
    ("core.pruning.statistics", "core.pruning.criteria", "core.pruning.baselines"),
    ("core.rl",),
    ("core.labelling",),
    ("core.opening",),
    ("core.search",),
    ("core.export",),
    ("core.runs.files",),
    ("core.finetuning",),
    ("core.pictures", "core.inspection"),
    ("core.runs",),
)

# What the window imports before it is on the screen.
WITHOUT_TORCH = (
    "core.errors",
    "core.events",
    "core.config",
    "core.memory",
    "core.presets",
    "core.comparison",
    "core.comparison_rows",
    "core.graph.layers",
    "core.graph.coupling",
    "core.graph.rows",
    "core.pruning.masks",
    "core.pruning.pins",
    "core.pruning.limits",
    "core.runs.history",
    "core.runs.curves",
    "core.runs.stored_masks",
    "core.runs.verdict",
    "core.runs.comparison_table",
    "core.runs.unfinished",
    "core.runs.replay",
    "core.runs.html_report",
    "app.main_window",
)

# Papers, XML namespaces and the host that stands for none; nothing is fetched from any of them.
PAPER_HOSTS = {"arxiv.org", "doi.org", "openreview.net", "proceedings.mlr.press"}
KNOWN_HOSTS = PAPER_HOSTS | {"www.w3.org", "example.org"}
URL = re.compile(r"https?://([\w.-]+)")
INDEX_OPTION = re.compile(r"--(?:extra-index-url|index-url|trusted-host|find-links)\b")
# Folders of one machine: somebody's home, a mount, a temporary place with a name in it.
MACHINE_PATH = re.compile(
    r"(?<![\w.~*-])(?:/(?:home|root|work|Users|mnt|opt|srv|media)/\w|[A-Z]:\\\\?Users)"
)
SELF_CHECKING = re.compile(r"(assert|check|wait)")  # assert_close, qtbot.waitUntil, ...


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


@functools.cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All that a Python file is made of; read once, for many tests ask."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@functools.cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that a file imports, also inside functions."""
    found = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:  # from . import x
                package = module_name(path / "x.py").split(".")[: -node.level]
                source = ".".join([*package, *filter(None, [source])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                is_ours = source.split(".")[0] in ("app", "core", "tests")
                found.add(inner if is_ours and is_module(inner) else source)
    return frozenset(found)


def order_of(module: str) -> int:
    """The line of CORE_ORDER with the longest name that covers the module."""
    covering = [
        (len(name), line)
        for line, names in enumerate(CORE_ORDER)
        for name in names
        if module == name or module.startswith(f"{name}.")
    ]
    assert covering, f"{module} has no line in CORE_ORDER: give it one"
    return max(covering)[1]


def core_edges() -> Iterator[tuple[str, str]]:
    for path in python_files("core"):
        for imported in imports_of(path):
            if imported.startswith("core.") and imported != module_name(path):
                yield module_name(path), imported


def tracked_files() -> list[Path]:
    """Files that git knows; the tests' own home hides the user's trust in the folder."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout, so there are no tracked files to read")
    names = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@functools.cache
def tracked_texts() -> tuple[tuple[str, str], ...]:
    contents = ((path, path.read_bytes()) for path in tracked_files())
    return tuple(
        (str(path.relative_to(ROOT)), content.decode("utf-8"))
        for path, content in contents
        if b"\0" not in content
    )


def offences(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}: {found}"
        for name, text in tracked_texts()
        for found in (match[0] for match in pattern.finditer(text))
    ]


def test_core_knows_neither_the_application_nor_qt() -> None:
    strangers = {"app", "tests", "PySide6", "shiboken6", "pyqtgraph"}
    wrong = [
        f"{module_name(path)} imports {imported}"
        for path in python_files("core")
        for imported in imports_of(path)
        if imported.split(".")[0] in strangers
    ]
    assert wrong == []


def test_dependencies_in_core_point_down() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module, imported in core_edges()
        if module != "core" and order_of(imported) > order_of(module)
    ]
    assert wrong == []


def test_core_has_no_import_circle() -> None:
    # A package's own names come from its modules, so the package itself is left out.
    graph = nx.DiGraph(
        (module, imported) for module, imported in core_edges() if not is_package(imported)
    )
    assert list(nx.simple_cycles(graph)) == []


def is_package(module: str) -> bool:
    return ROOT.joinpath(*module.split(".")).is_dir()


def test_panels_know_neither_each_other_nor_the_session() -> None:
    wrong = [
        f"{path.stem} imports {imported}"
        for path in python_files("app/panels")
        for imported in imports_of(path)
        if path.name != "docks.py"  # the table of the panels
        and imported != "app.panels.panel"  # what they are made of
        and (
            imported in ("app.session", "app.search_thread", "app.main_window")
            or (imported.startswith("app.panels.") and holds_a_panel(imported))
        )
    ]
    assert wrong == []


def holds_a_panel(module: str) -> bool:
    """Panels may share parts, in modules that hold no panel themselves."""
    nodes = nodes_of(ROOT.joinpath(*module.split(".")).with_suffix(".py"))
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    return any(node.name.endswith("Panel") for node in classes)


def test_only_the_search_thread_is_a_qthread() -> None:
    subclasses = [
        path.relative_to(ROOT).as_posix()
        for path in python_files("app", "core")
        for node in nodes_of(path)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).split(".")[-1] == "QThread" for base in node.bases)
    ]
    assert subclasses == ["app/search_thread.py"]


def test_nobody_walks_the_focus_chain() -> None:
    """PySide takes the next widget for a child of this one; both count as deleted together."""
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files("app", "tests")
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute)
        and node.attr in ("nextInFocusChain", "previousInFocusChain")
    ]
    assert calls == []


def test_nothing_is_printed() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files("app", "core", "packaging", "resources", "tests")
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    assert calls == []


def test_packaging_hides_no_module() -> None:
    # The folder shares its name with a package that pip needs, and a script's folder comes first
    # on the path: a file there called json.py or torch.py would be imported in its stead.
    files = [path.name for path in (ROOT / "packaging").iterdir() if path.suffix == ".py"]
    assert files == ["bootstrap.py"]
    assert importlib.util.find_spec("bootstrap") is None


def test_no_file_names_a_strange_host() -> None:
    hosts = [
        f"{name}: {host}"
        for name, text in tracked_texts()
        for host in URL.findall(text)
        if host not in KNOWN_HOSTS
    ]
    assert hosts == []


def test_no_file_names_a_package_index() -> None:
    assert offences(INDEX_OPTION) == []


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert offences(MACHINE_PATH) == []


def test_patterns_find_what_they_look_for() -> None:
    assert MACHINE_PATH.search("open('/" + "home/ann/x.pt')")
    assert MACHINE_PATH.search("C:\\" + "Users\\ann")
    assert not MACHINE_PATH.search("~/work/x and app/home/x.py")
    assert INDEX_OPTION.search("pip install --" + "index-url x")
    assert URL.findall("see https" + "://example.org/simple") == ["example.org"]


def test_window_starts_without_torch() -> None:
    """One process imports them one after another: the first that brings torch is named."""
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    if 'torch' in sys.modules:\n"
        "        sys.exit(name + ' imports torch')\n"
    )
    words = [sys.executable, "-c", code, *WITHOUT_TORCH]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_set_text_loses_no_reference_to_none(qapp: object) -> None:
    from PySide6.QtWidgets import QLabel

    label = QLabel()
    before = sys.getrefcount(None)
    for number in range(1000):
        label.setText(str(number))
    assert sys.getrefcount(None) > before - 100


def test_readme_draws_the_house_as_it_stands() -> None:
    drawn = drawn_paths((ROOT / "README.md").read_text(encoding="utf-8"))
    missing = sorted(path for path in drawn if not (ROOT / path).exists())
    assert missing == []
    assert {"app", "core", "resources", "tests", "packaging"} <= {p.strip("/") for p in drawn}


def drawn_paths(readme: str) -> set[str]:
    """Paths in the README's section about the house: its tree, and names in backticks."""
    section = re.search(r"^#+[^\n]*\bhouse\b[^\n]*\n(.*?)(?=^## |\Z)", readme, re.S | re.M | re.I)
    assert section is not None, "README.md has no section about how the house is laid out"
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    quoted = re.findall(r"(?<!`)`([\w.-]+/[\w./-]*)`", section[1])
    drawn = {name for name in quoted if name.split("/")[0] in folders}
    for tree in re.findall(r"^```\w*\n(.*?)^```", section[1], re.S | re.M):
        drawn |= tree_paths(tree)
    return drawn


def tree_paths(tree: str) -> set[str]:
    """Read an indented tree of folders (name/) and files (name.py); words after them are prose."""
    drawn, parents = set(), []
    for line in tree.splitlines():
        name = re.match(r"[ │├└─]*([\w.-]+/(?:[\w.-]+/)*|[\w./-]+\.\w+)(?=[\s,]|$)", line)
        if name is None:
            continue
        indent = name.start(1)
        parents = [(depth, folder) for depth, folder in parents if depth < indent]
        path = "".join(folder for _, folder in parents) + name[1]
        drawn.add(path)
        if name[1].endswith("/"):
            parents.append((indent, name[1]))
    return drawn


def test_tree_is_read_with_its_folders() -> None:
    tree = "core/    a library\n  graph/\n    trace.py   words/here\n  errors.py\napp/\n"
    assert tree_paths(tree) == {
        "core/",
        "core/graph/",
        "core/graph/trace.py",
        "core/errors.py",
        "app/",
    }


def test_every_test_asserts() -> None:
    idle = [
        f"{path.relative_to(ROOT)}: {test.name}"
        for path in python_files("tests")
        if path.name.startswith("test_")
        for test in asserting_nothing(nodes_of(path))
    ]
    assert idle == []


def asserting_nothing(nodes: Iterable[ast.AST]) -> list[ast.FunctionDef]:
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    asserting = {node.name for node in functions if asserts(node, set())}
    return [
        node for node in functions if node.name.startswith("test_") and not asserts(node, asserting)
    ]


def asserts(function: ast.FunctionDef, helpers: set[str]) -> bool:
    """Whether a function asserts, expects an error, waits for a fact, or its helper does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).split(".")
            if called[-1] in helpers or called[-2:] == ["pytest", "raises"]:
                return True
            if SELF_CHECKING.match(called[-1]):
                return True
    return False


def test_test_without_an_assert_is_found() -> None:
    tree = ast.parse(
        "def helper():\n    assert 1\n"
        "def test_idle():\n    1 + 1\n"
        "def test_direct():\n    assert 2\n"
        "def test_helped():\n    helper()\n"
        "def test_raising():\n    with pytest.raises(ValueError):\n        int('x')\n"
    )
    assert [function.name for function in asserting_nothing(ast.walk(tree))] == ["test_idle"]
