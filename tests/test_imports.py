"""The arrows of the architecture: who may import whom, and which libraries load where."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [ROOT / "app.py", *sorted((ROOT / "style_tuner").rglob("*.py")), *sorted((ROOT / "rag").rglob("*.py"))]
ALLOWED_TO_RAG = {"records", "workspace", "config", "errors", "processes", "manuscripts", "tokenizer"}
HEAVY = {"torch", "transformers", "trl", "peft", "bitsandbytes", "sentence_transformers", "accelerate", "datasets"}


def imports(path: Path) -> list[tuple[str, bool]]:
    """Every imported module of a file, with whether it is imported inside a function."""
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            within = inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            if isinstance(child, ast.Import):
                found.extend((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}: relative import"
                found.append((child.module or "", inside))
                found.extend((f"{child.module}.{alias.name}", inside) for alias in child.names)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            visit(child, within)

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path: Path) -> None:
    name = path.relative_to(ROOT)
    on_page = name.parts[0] == "app.py" or name.parts[:2] == ("style_tuner", "tabs")
    for module, lazily in imports(path):
        top, *rest = module.split(".")
        if name.parts[0] == "style_tuner":
            assert top not in {"rag", "benchmarks", "app"}, f"{name} imports {module}"
            if not on_page:
                assert rest[:1] != ["tabs"], f"{name} imports {module}"
        if name.parts[0] == "rag" and top == "style_tuner" and rest:
            assert rest[0] in ALLOWED_TO_RAG, f"{name} imports {module}"
        if top == "gradio":
            assert on_page, f"{name} imports gradio"
        if top in HEAVY:
            assert lazily, f"{name} imports {module} at its top"
        if top in {"torch", "trl", "peft", "bitsandbytes"} and (top, name.as_posix()) != (
            "torch",
            "rag/vectors/embed.py",
        ):
            assert name.parts[:2] == ("style_tuner", "tuning"), f"{name} imports {module}"
        if top == "transformers":
            assert name.parts[:2] == ("style_tuner", "tuning") or name.name == "tokenizer.py", f"{name}: {module}"
        if top == "sentence_transformers":
            assert name.as_posix() == "rag/vectors/embed.py", f"{name} imports {module}"


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys, style_tuner.__main__, style_tuner.stages, style_tuner.jobs\n"
        f"print(sorted({HEAVY | {'gradio', 'sklearn', 'chromadb', 'openai'}!r} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"
