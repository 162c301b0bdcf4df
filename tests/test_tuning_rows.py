import pytest

from style_tuner.config import STARTER_MODEL
from style_tuner.dataset.formats import TextExample
from style_tuner.errors import DatasetError, ModelError
from style_tuner.records import ChatExample, Message
from style_tuner.tokenizer import load_tokenizer
from style_tuner.tuning.rows import IGNORED, check_rows, show_loss_mask, tokenise, training_rows, write_plainly

REPLY = "The tide had turned before the ferryman spoke, and nobody on the quay would look at him."


def example(reply=REPLY, request="Write a scene on a quay."):
    return ChatExample((Message("system", "You are an author."), Message("user", request), Message("assistant", reply)))


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(str(STARTER_MODEL))


def test_the_loss_counts_the_reply_and_its_end_of_turn_alone(tokenizer):
    rows = tokenise([example()], tokenizer, 512)
    check_rows(rows, tokenizer)
    row = rows.rows[0]
    counted = [label for label in row.labels if label != IGNORED]
    assert tokenizer.decode(counted) == REPLY + "<|eot_id|>"
    assert row.input_ids.count(tokenizer.bos_token_id) == 1
    assert show_loss_mask(row, tokenizer).endswith(f"assistant<|end_header_id|>\n\n⟦{REPLY}<|eot_id|>⟧")


def test_rows_are_those_that_trl_makes_of_prompt_and_completion(tokenizer, tmp_path):
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    messages = example().row()["messages"]
    data = Dataset.from_list([{"prompt": messages[:-1], "completion": messages[-1:]}])
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(STARTER_MODEL),
        args=SFTConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none", max_length=512),
        train_dataset=data,
        processing_class=tokenizer,
    )
    theirs, ours = trainer.train_dataset[0], tokenise([example()], tokenizer, 512).rows[0]
    assert (tuple(theirs["input_ids"]), tuple(theirs["labels"])) == (ours.input_ids, ours.labels)


def test_what_is_cut_is_counted_and_said(tokenizer):
    rows = tokenise([example(), example(REPLY * 20)], tokenizer, 128)
    assert rows.rows_cut == 1
    assert rows.share_cut == pytest.approx((rows.lengths[1] - 128) / sum(rows.lengths))
    assert len(rows.rows[1].input_ids) == 128
    assert "1 rows are longer than max_seq_length 128" in rows.summary()
    assert "longer" not in tokenise([example()], tokenizer, 512).summary()


def test_a_request_that_leaves_no_room_for_the_reply_is_refused(tokenizer):
    with pytest.raises(DatasetError, match="Row 2: the request alone has .* max_seq_length is 64"):
        tokenise([example(), example(request="Write on. " * 40)], tokenizer, 64)
    with pytest.raises(DatasetError, match="Every row is longer than max_seq_length 64"):
        check_rows(tokenise([example(REPLY * 3)], tokenizer, 64), tokenizer)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("{{- bos_token }}", "{{- bos_token + bos_token }}"), "begins with 2 begin-of-text tokens"),
        (("| trim + '<|eot_id|>' }}{% endgeneration", "| trim }}{% endgeneration"), "would never stop writing"),
        (("{%- if add_generation_prompt", "{{ messages|length }}{%- if add_generation_prompt"), "writes a prompt diff"),
    ],
)
def test_a_chat_template_that_would_teach_the_wrong_thing_is_refused(change, sentence):
    tokenizer = load_tokenizer(str(STARTER_MODEL))
    assert change[0] in tokenizer.chat_template
    tokenizer.chat_template = tokenizer.chat_template.replace(*change)
    with pytest.raises(ModelError, match=sentence):
        check_rows(tokenise([example()], tokenizer, 512), tokenizer)


def test_padding_with_the_end_of_turn_hides_no_ending():
    """SmolLM2 and Llama's base models pad so; the batch must still teach where each text ends."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    tokenizer = load_tokenizer(str(STARTER_MODEL))
    tokenizer.pad_token = tokenizer.eos_token
    rows = tokenise([example(), example(REPLY * 3)], tokenizer, 512)
    check_rows(rows, tokenizer)
    batch = DataCollatorForLanguageModeling(tokenizer.pad_token_id)(list(training_rows(rows, False)))
    assert [(labels == tokenizer.eos_token_id).sum().item() for labels in batch["labels"]] == [1, 1]


def test_plain_text_is_learned_after_its_mark_and_ends(tokenizer):
    rows = tokenise([TextExample("### Response:\n", "A storm."), TextExample("", "All of it.")], tokenizer, 64)
    check_rows(rows, tokenizer)
    shown = [show_loss_mask(row, tokenizer) for row in rows.rows]
    assert shown == ["### Response:\n⟦A storm.<|eot_id|>⟧", "⟦All of it.<|eot_id|>⟧"]


def test_a_model_without_a_chat_template_writes_chats_as_plain_text_where_the_mark_is_set():
    tokenizer = load_tokenizer(str(STARTER_MODEL))
    tokenizer.chat_template = None
    write_plainly(tokenizer, '### "Reply":\n')
    rows = tokenise([example()], tokenizer, 512)
    check_rows(rows, tokenizer)
    assert show_loss_mask(rows.rows[0], tokenizer) == (
        f'You are an author.\n\nWrite a scene on a quay.\n\n### "Reply":\n⟦{REPLY}<|eot_id|>⟧'
    )
    before = tokenizer.chat_template
    write_plainly(tokenizer, "another mark")
    assert tokenizer.chat_template == before


def test_a_model_without_a_chat_template_is_refused():
    tokenizer = load_tokenizer(str(STARTER_MODEL))
    tokenizer.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        tokenise([example()], tokenizer, 512)


def test_packed_rows_answer_as_separate_ones_do(tokenizer):
    """Attention must not cross from one passage to the next, nor may the first token of the next be learned."""
    import torch
    from transformers import AutoModelForCausalLM
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    texts = [REPLY, "A short one.", REPLY[::-1]]
    rows = tokenise([example(text) for text in texts], tokenizer, 512)
    packed = training_rows(rows, packing=True)
    assert len(packed) == 1
    assert sorted(packed[0]["seq_lengths"]) == sorted(rows.lengths)
    batch = DataCollatorForLanguageModeling(tokenizer.pad_token_id, padding_free=True)([packed[0]])
    model = AutoModelForCausalLM.from_pretrained(STARTER_MODEL, dtype=torch.float32).eval()
    with torch.inference_mode():
        together = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits[0]
        crossing = model(input_ids=batch["input_ids"], use_cache=False).logits[0]
        begin = 0
        for length in packed[0]["seq_lengths"]:
            ids = batch["input_ids"][:, begin : begin + length]
            alone = model(input_ids=ids, use_cache=False).logits[0]
            torch.testing.assert_close(together[begin : begin + length], alone, rtol=1e-4, atol=1e-4)
            assert batch["labels"][0, begin] == IGNORED
            begin += length
    assert (crossing[-1] - together[-1]).abs().max() > 0.1  # without the boundaries the last row would see the others
