"""What an account and its token may write on the Hugging Face Hub, from what the Hub itself tells of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from style_tuner.errors import ModelError

WRITE = "repo.write"
"""Permission of a fine-grained token without which nothing can be uploaded."""


def repository_of(named: str, account: str) -> str:
    """Return the repository that a name means, the account's own where no owner is named; a `ModelError` if it is none.

    The account is that of the token.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    repository = named if "/" in named else f"{account}/{named}"
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise ModelError(
            f"{named!r} is no name for a repository: it is NAME or OWNER/NAME, of letters, digits, '-', '_' and '.', "
            "96 characters at most, and begins and ends with a letter or a digit."
        ) from error
    return repository


def missing_right(repository: str, account: Mapping[str, Any], tokens: str) -> str:
    """Say which right is missing to write to a repository, and the remedy; empty where none is, as far as is told.

    `account` is what the Hub tells of the token's owner, `tokens` the page where tokens are made.
    """
    token = account.get("auth", {}).get("accessToken", {})
    if token.get("role") == "read":
        return f"this HF_TOKEN may only read: make one that may write on {tokens}."
    owner, own = repository.partition("/")[0], str(account["name"])
    if owner != own:
        roles = {str(org.get("name")): org.get("roleInOrg") for org in account.get("orgs", [])}
        if owner not in roles:
            return (
                f"this HF_TOKEN is of the account {own!r}, which is no member of {owner!r}: name a repository "
                f"as {own}/NAME, or use a token of that account."
            )
        if roles[owner] == "read":
            return f"the account {own!r} may only read in {owner!r}: have its role there raised, or name another place."
    if token.get("role") == "fineGrained" and not {owner, repository} & set(_writable(token)):
        return (
            f"this fine-grained HF_TOKEN may not write to repositories of {owner!r}: allow it that on {tokens}, or "
            "make a token of the kind Write."
        )
    return ""


def _writable(token: Mapping[str, Any]) -> Iterator[str]:
    """Yield the accounts, organisations and repositories that a fine-grained token may write to."""
    for one in token.get("fineGrained", {}).get("scoped", []):
        if WRITE in one.get("permissions", []):
            yield str(one.get("entity", {}).get("name"))
