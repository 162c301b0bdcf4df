import pytest

from style_tuner.dataset.system_prompt import VERSIONS, back_to_measured, edited_prompt, keep_prompt
from style_tuner.errors import DatasetError
from style_tuner.workspace import Workspace, read_jsonl


def test_the_last_wording_counts_and_no_earlier_one_is_lost(tmp_path):
    workspace = Workspace(tmp_path, "default")
    assert edited_prompt(workspace) is None
    keep_prompt(workspace, "You write  plainly.\n")
    keep_prompt(workspace, "You write of the sea.")
    assert edited_prompt(workspace) == "You write of the sea."
    back_to_measured(workspace)
    assert edited_prompt(workspace) is None
    texts = [row["text"] for row in read_jsonl(workspace.profiles / VERSIONS)]
    assert texts == ["You write plainly.", "You write of the sea.", None]


@pytest.mark.parametrize(("text", "said"), [(" \n", "empty"), ("word " * 121, "121 words")])
def test_what_would_be_of_no_use_is_refused(tmp_path, text, said):
    with pytest.raises(DatasetError, match=said):
        keep_prompt(Workspace(tmp_path, "default"), text)
    assert not Workspace(tmp_path, "default").root.exists()
