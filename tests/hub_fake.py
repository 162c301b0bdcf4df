"""A client of the Hub that answers as told and keeps what is uploaded; its refusals are the library's own errors."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
from huggingface_hub.errors import RepositoryNotFoundError


def refusal(kind: type[Exception], status: int) -> Exception:
    request = httpx2.Request("GET", "https://huggingface.co/api/models/a/b")
    return kind("refused", response=httpx2.Response(status, request=request))


class FakeHub:
    """`refuse` is raised wherever a repository is asked for, `lost` by every upload."""

    def __init__(
        self,
        token: str | None = "hf_writes",
        role: str = "write",
        refuse: Exception | None = None,
        lost: Exception | None = None,
        public: tuple[str, ...] = (),
    ) -> None:
        self.token, self.role, self.refuse, self.lost, self.public = token, role, refuse, lost, public
        self.made: dict[str, bool | None] = {}
        self.uploads: list[tuple[str, str, tuple[str, ...]]] = []

    def auth_check(self, repo_id: str, **_: Any) -> None:
        if self.refuse:
            raise self.refuse

    def whoami(self) -> dict[str, Any]:
        if self.refuse:
            raise self.refuse
        return {"name": "author", "auth": {"accessToken": {"role": self.role}}}

    def model_info(self, repo_id: str) -> SimpleNamespace:
        if repo_id not in self.public:
            raise refusal(RepositoryNotFoundError, 404)
        return SimpleNamespace(private=False)

    def create_repo(self, repo_id: str, private: bool | None = None, exist_ok: bool = False) -> None:
        self.made[repo_id] = private

    def upload_folder(
        self,
        *,
        repo_id: str,
        folder_path: Path,
        commit_message: str,
        allow_patterns: list[str],
        ignore_patterns: list[str],
    ) -> None:
        from huggingface_hub.utils import filter_repo_objects

        if self.lost:
            raise self.lost
        names = [path.relative_to(folder_path).as_posix() for path in Path(folder_path).rglob("*") if path.is_file()]
        kept = filter_repo_objects(names, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns)
        self.uploads.append((repo_id, commit_message, tuple(sorted(kept))))
