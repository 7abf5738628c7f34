import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from pipeline.common.errors import UserError
from pipeline.common.files import write_json
from pipeline.data.schema import LABELS, Facts, ner_table, text_table, write_split
from pipeline.encoders.extend import Settings, extend, new_embeddings, read_text
from pipeline.encoders.load import load_encoder
from pipeline.encoders.pooler import pretrained_pooler
from tests.encoders.models import save_tiny

MEAN = Settings(pieces=50, min_frequency=2, initialise="mean", seed=0)
NEW = ["жаба ест жабу", "adasees in rome adasees"] * 3


def test_the_pooler_of_the_base_stays(tmp_path):
    save_tiny(tmp_path / "base", "bert", head=False)
    stamped = load_file(tmp_path / "base/model.safetensors")
    stamped["pooler.dense.bias"] = torch.arange(16.0)
    save_file(stamped, tmp_path / "base/model.safetensors", metadata={"format": "pt"})
    (tmp_path / "new").mkdir()
    assert extend(tmp_path / "base", NEW, MEAN, tmp_path / "new")["pieces"]
    base, new = (pretrained_pooler(tmp_path / folder).state_dict() for folder in ("base", "new"))
    assert base.keys() == new.keys() and all(torch.equal(base[key], new[key]) for key in base)
    assert load_encoder(tmp_path / "new").model.pooler is None


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
@pytest.mark.parametrize("head", [True, False])
def test_old_rows_stay_and_new_ones_are_means(tmp_path, architecture, head):
    save_tiny(tmp_path / "base", architecture, head)
    write_json(tmp_path / "base/special_tokens_map.json", {})
    (tmp_path / "new").mkdir()
    facts = extend(tmp_path / "base", NEW, MEAN, tmp_path / "new")
    base, new = load_encoder(tmp_path / "base"), load_encoder(tmp_path / "new")
    rows = base.model.config.vocab_size
    before, after = (e.model.state_dict() for e in (base, new))
    name = "embeddings.word_embeddings.weight"
    assert after[name].shape == (rows + facts["pieces"], before[name].shape[1])
    assert torch.equal(after[name][:rows], before[name])
    assert all(torch.equal(before[key], after[key]) for key in before if key != name)
    config = json.loads((tmp_path / "new/config.json").read_text())
    assert config["vocab_size"] == facts["vocabulary"] == rows + facts["pieces"]
    assert (new.pad_id, new.max_length) == (base.pad_id, base.max_length)
    assert (tmp_path / "new/special_tokens_map.json").is_file()
    # the oracle: what the old tokenizer makes of the word, embedded
    inside = base.tokenizer.encode("adasees", add_special_tokens=False).ids
    (whole,) = new.tokenizer.encode("adasees", add_special_tokens=False).ids
    assert whole >= rows
    assert torch.allclose(after[name][whole], before[name][inside].mean(dim=0), atol=1e-7)


def test_an_old_sentence_is_encoded_as_before(tmp_path):
    save_tiny(tmp_path / "base", "bert")
    (tmp_path / "new").mkdir()
    extend(tmp_path / "base", ["жаба жабу"] * 3, MEAN, tmp_path / "new")
    outputs = []
    for folder in ("base", "new"):
        encoder = load_encoder(tmp_path / folder)
        ids = torch.tensor([encoder.tokenizer.encode("ada sees rome").ids])
        outputs.append(encoder.model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state)
    assert torch.equal(*outputs)


def test_embeddings_by_hand():
    old = torch.tensor([[1.0, 0.0], [3.0, 4.0], [5.0, -4.0]])
    pieces = {"x": ("x",), "ab": ("a", "b"), "aab": ("a", "a", "b"), "xa": ("x", "a")}
    new = new_embeddings(old, pieces, {"a": 0, "b": 1, "c": 2}, MEAN, 0.02)
    assert torch.allclose(new[1], torch.tensor([2.0, 2.0]))
    assert torch.allclose(new[2], torch.tensor([5 / 3, 4 / 3]))
    assert torch.allclose(new[3], (new[0] + old[0]) / 2)
    assert 0 < new[0].abs().max() < 0.1


def test_random_rows_have_the_encoders_deviation_and_seed():
    old, pieces = torch.ones(2, 500), {f"ab{i}": ("a", "b") for i in range(200)}
    ids = {"a": 0, "b": 1}

    def drawn(seed: int) -> torch.Tensor:
        return new_embeddings(old, pieces, ids, Settings(500, 2, "random", seed), 0.05)

    assert float(drawn(0).std()) == pytest.approx(0.05, rel=0.02)  # 100,000 draws: s.e. of the deviation is 0.2 %
    assert float(drawn(0).mean()) == pytest.approx(0.0, abs=0.001)
    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))


def test_a_unigram_encoder(tmp_path):
    """As XLM-R comes from the hub: a Unigram model, `<mask>` added after it, an embedding matrix with rows to spare."""
    save_tiny(tmp_path / "base", "xlm-roberta")
    letters = [(letter, -5.0) for letter in "adeimnorsx"]
    entries = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("▁ada", -4.0), *letters]
    tokenizer = Tokenizer(models.Unigram(entries, unk_id=3, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="always")
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(tmp_path / "base/tokenizer.json"))
    (tmp_path / "new").mkdir()
    facts = extend(tmp_path / "base", ["rome жаба ada"] * 3, MEAN, tmp_path / "new")
    rows = load_encoder(tmp_path / "base").model.config.vocab_size
    assert rows > tokenizer.get_vocab_size()
    new = load_encoder(tmp_path / "new")
    encoding = new.tokenizer.encode("rome жаба ada")
    assert encoding.tokens == ["<s>", "▁rome", "▁жаба", "▁ada", "</s>"]
    assert min(encoding.ids[1:3]) >= rows
    assert new.tokenizer.token_to_id("<mask>") == 16
    assert new.model.config.vocab_size == rows + facts["pieces"]


def test_text_that_needs_no_piece_leaves_the_encoder_as_it_was(tmp_path):
    save_tiny(tmp_path / "base", "bert")
    (tmp_path / "new").mkdir()
    settings = Settings(pieces=50, min_frequency=1000, initialise="mean", seed=0)
    assert extend(tmp_path / "base", NEW, settings, tmp_path / "new")["pieces"] == 0
    tokenizers = [(tmp_path / folder / "tokenizer.json").read_text() for folder in ("base", "new")]
    assert json.loads(tokenizers[0])["model"] == json.loads(tokenizers[1])["model"]
    before = load_encoder(tmp_path / "base").model.state_dict()
    after = load_encoder(tmp_path / "new").model.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


def test_text_without_words_names_the_base(tmp_path):
    save_tiny(tmp_path / "base", "bert")
    with pytest.raises(UserError, match="base: the text to learn new pieces from holds no words"):
        extend(tmp_path / "base", [" "], MEAN, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pieces": 0}, "pieces: 0; expected at least 1"),
        ({"min_frequency": 0}, "min_frequency: 0; expected at least 1"),
        ({"initialise": "zero"}, "initialise: 'zero'; expected one of mean, random"),
    ],
)
def test_settings(changes, message):
    with pytest.raises(UserError, match=message):
        Settings(**{**vars(MEAN), **changes})


def test_the_sentences_are_those_the_run_is_given(tmp_path):
    rows = [(f"toy-{i}", [f"word{i}", "here"], ["O", "O"]) for i in range(20)]
    write_split(tmp_path / "train.parquet", ner_table("qu", rows), Facts("ner", LABELS["ner"], "toy-1", "qu", "train"))
    few = read_text(tmp_path / "train.parquet", 5, 7, "toy-1 qu train")
    # numpy.random.RandomState(7).permutation(20)[:5]
    assert few == [f"word{i} here" for i in (1, 17, 2, 5, 11)]
    assert len(read_text(tmp_path / "train.parquet", None, None, "toy-1 qu train")) == 20
    with pytest.raises(UserError, match="toy-1 qu train: 21 examples requested but only 20 exist"):
        read_text(tmp_path / "train.parquet", 21, 7, "toy-1 qu train")
    write_split(
        tmp_path / "text.parquet", text_table("qu", [("a", "one two")]), Facts("text", [], "toy-1", "qu", "text")
    )
    assert read_text(tmp_path / "text.parquet", None, None, "toy-1 qu text") == ["one two"]
