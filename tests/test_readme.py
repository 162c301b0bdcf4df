"""The README is true: its tree, its links and its commands exist."""

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tree() -> list[str]:
    """The paths of the tree, each level two spaces further in than its folder."""
    block = README.split("## The tree")[1].split("```")[1]
    paths: list[str] = []
    folders: list[str] = []
    for line in filter(None, block.splitlines()):
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [line.split()[0]]
        paths.append("".join(folders))
    return paths


def test_every_path_of_the_tree_exists_and_every_module_is_in_it() -> None:
    shown = tree()
    assert all((ROOT / path).exists() for path in shown), shown
    modules = {path.name for path in (ROOT / "style_tuner").glob("*.py")} - {"__init__.py"}
    assert modules <= {Path(path).name for path in shown}


def test_every_link_inside_the_project_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).is_file(), target


def test_every_make_target_and_script_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (app|demo|setup|test|vllm|check)\b", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for script in re.findall(r"scripts/\w+\.sh", README):
        assert (ROOT / script).is_file(), script


def test_the_list_of_every_file_is_as_the_files_are_now() -> None:
    """Where this fails, run `python scripts/write_tree.py`."""
    namespace = runpy.run_path(str(ROOT / "scripts" / "write_tree.py"))
    assert namespace["PAGE"].read_text(encoding="utf-8") == namespace["tree"]()
    missing = [path for folder in namespace["FOLDERS"] for path in namespace["files"](folder)]
    assert [path for path in missing if not namespace["first_line"](path)] == []
