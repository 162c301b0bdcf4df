"""A client of the Hub that answers as told and keeps what is uploaded; its refusals are the library's own errors."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError


def refusal(kind: type[Exception], status: int) -> Exception:
    request = httpx2.Request("GET", "https://huggingface.co/api/models/a/b")
    return kind("refused", response=httpx2.Response(status, request=request))


class FakeHub:
    """`refuse` is raised wherever a repository is asked for, `lost` by every upload.

    Of the repositories, `public` can be seen by all, and `foreign` is private and can be read but not written. `scoped`
    is what a token of the role fineGrained may do, `orgs` the organisations of the account with its role in each.
    """

    def __init__(
        self,
        token: str | None = "hf_writes",
        role: str = "write",
        refuse: Exception | None = None,
        lost: Exception | None = None,
        public: tuple[str, ...] = (),
        foreign: tuple[str, ...] = (),
        scoped: tuple[dict[str, Any], ...] = (),
        orgs: dict[str, str] | None = None,
    ) -> None:
        self.token, self.role, self.refuse, self.lost, self.public = token, role, refuse, lost, public
        self.foreign, self.scoped, self.orgs = foreign, scoped, orgs or {}
        self.made: dict[str, bool | None] = {}
        self.uploads: list[tuple[str, str, tuple[str, ...]]] = []

    def auth_check(self, repo_id: str, write: bool = False, **_: Any) -> None:
        if self.refuse:
            raise self.refuse
        if write and repo_id in self.foreign:
            raise refusal(HfHubHTTPError, 403)

    def whoami(self) -> dict[str, Any]:
        if self.refuse:
            raise self.refuse
        token: dict[str, Any] = {"role": self.role}
        if self.role == "fineGrained":
            token["fineGrained"] = {"scoped": list(self.scoped)}
        orgs = [{"name": name, "roleInOrg": role} for name, role in self.orgs.items()]
        return {"name": "author", "orgs": orgs, "auth": {"accessToken": token}}

    def model_info(self, repo_id: str) -> SimpleNamespace:
        if repo_id not in (*self.public, *self.foreign):
            raise refusal(RepositoryNotFoundError, 404)
        return SimpleNamespace(private=repo_id in self.foreign)

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
