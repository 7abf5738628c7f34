"""What only a pretrained encoder can show: that its weights are read rightly, and that what they know is kept and used.

make real ENCODER=FOLDER        # a folder with multilingual-e5-small, or another multilingual encoder
"""

import time
from itertools import product

import pytest
import torch
from transformers import AutoModel

from pipeline.common import paths
from pipeline.common.files import read_json, read_parquet, write_json
from pipeline.data.schema import LABELS, Facts, task_table, write_split
from pipeline.encoders.continued import train_on
from pipeline.encoders.hub import from_folder
from pipeline.encoders.load import load_encoder
from pipeline.encoders.pretrain import Job, Training
from pipeline.training.run import train_run
from tests import tiny
from tests.methods.test_metaxl import BASE, loop_of

pytestmark = pytest.mark.real

SAME = {  # one meaning in each place
    "en": [
        "The cat sleeps under the table.",
        "It will rain tomorrow.",
        "He bought three books.",
        "My sister is a doctor.",
    ],
    "de": [
        "Die Katze schläft unter dem Tisch.",
        "Morgen wird es regnen.",
        "Er hat drei Bücher gekauft.",
        "Meine Schwester ist Ärztin.",
    ],
    "es": [
        "El gato duerme debajo de la mesa.",
        "Mañana va a llover.",
        "Compró tres libros.",
        "Mi hermana es médica.",
    ],
    "ru": ["Кошка спит под столом.", "Завтра будет дождь.", "Он купил три книги.", "Моя сестра врач."],
}
THINGS = {
    "en": ["food", "room", "film", "book", "staff", "service"],
    "es": ["comida", "película", "habitación", "novela"],
}
SENTENCE = {"en": "The {} was {}.", "es": "La {} fue {}."}
SAID = {
    "en": {"wonderful": 1, "excellent": 1, "very good": 1, "terrible": 0, "awful": 0, "very bad": 0},
    "es": {"maravillosa": 1, "excelente": 1, "muy buena": 1, "terrible": 0, "horrible": 0, "muy mala": 0},
}
TRAINING = {"epochs": 6, "batch_size": 6, "learning_rate": 1e-4, "max_length": 32, "select": "last", "warmup": 0.1}


def reviews(language):
    """Short reviews, each with its class."""
    for thing, (word, good) in product(THINGS[language], SAID[language].items()):
        yield SENTENCE[language].format(thing, word), LABELS["sentiment"][good]


@pytest.fixture(scope="module")
def world(real_encoder, tmp_path_factory):
    """The encoder, made as the workflow makes it, and reviews in English and Spanish."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("real"))
        made = paths.encoder_dir(tiny.ENCODER)
        made.mkdir(parents=True)
        write_json(paths.encoder_manifest(tiny.ENCODER), {"spec": "real", **from_folder(real_encoder, made)})
        for language, split in product(THINGS, ("train", "dev", "test")):
            rows = [(f"{language}-{n}", *review) for n, review in enumerate(reviews(language))]
            facts = Facts("sentiment", LABELS["sentiment"], tiny.DATASET, language, split)
            table = task_table("sentiment", language, rows)
            write_split(paths.split(tiny.DATASET, language, split), table, facts)
        yield


def spec(kind, training=None, **changes):
    languages = {"sources": ["en"], "targets": ["es"], "evaluate": ["es"]}
    return tiny.spec(kind, task="sentiment", training=TRAINING | (training or {}), **(languages | changes))


def run(kind, keep=False, **changes):
    described = spec(kind, **changes)
    name = tiny.name_of(described)
    train_run(name, described, 2, keep, time.monotonic())
    return name


def accuracy(name):
    table = read_parquet(paths.predictions(name)).to_pydict()
    return sum(a == b for a, b in zip(table["gold"], table["predicted"], strict=True)) / len(table["gold"])


def batch_of(encoder, texts):
    """Ids and mask of texts, padded as the loop pads them."""
    ids = [encoder.tokenizer.encode(text).ids for text in texts]
    longest = max(map(len, ids))
    padded = [one + [encoder.pad_id] * (longest - len(one)) for one in ids]
    return torch.tensor(padded), torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in ids])


def test_states_are_those_of_transformers_and_padding_changes_none(world, real_encoder):
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER))
    theirs = AutoModel.from_pretrained(real_encoder, dtype=torch.float32).eval()
    texts = [text for texts in SAME.values() for text in texts]
    ids, mask = batch_of(encoder, texts)
    with torch.no_grad():
        ours = encoder.model.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
        for row, text in enumerate(texts):
            alone = torch.tensor([encoder.tokenizer.encode(text).ids])
            expected = theirs(alone, attention_mask=torch.ones_like(alone)).last_hidden_state[0]
            torch.testing.assert_close(ours[row, : len(expected)], expected, rtol=1e-3, atol=1e-4)


def test_a_sentence_is_nearest_to_its_own_translation(world):
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER))
    found = {}
    for language, texts in SAME.items():
        ids, mask = batch_of(encoder, texts)
        with torch.no_grad():
            states = encoder.model.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        found[language] = torch.nn.functional.normalize(mean, dim=1)
    for language in ("de", "es", "ru"):
        assert (found["en"] @ found[language].T).argmax(1).tolist() == [0, 1, 2, 3], language


def test_letters_of_many_scripts_are_known(world):
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER))
    unknown = encoder.tokenizer.token_to_id("<unk>")
    for text in ("Ọjọ́ dára", "Rimaykullayki", "سلام دنیا", "नमस्ते दुनिया", "გამარჯობა", "你好世界", "ሰላም"):
        ids = encoder.tokenizer.encode(text).ids
        assert unknown not in ids, text
        assert encoder.tokenizer.decode(ids).strip() == text, "no mark is lost"


@pytest.mark.parametrize("lora", [None, {"rank": 8, "alpha": 16.0, "targets": None}], ids=["whole", "lora"])
def test_what_is_learned_in_english_holds_in_spanish(world, lora):
    """No Spanish review is seen: this is what a random encoder cannot do."""
    training = {"lora": lora, "learning_rate": 1e-3} if lora else {}
    parent = run("source_only", keep=True, training=training, targets=[], evaluate=[])
    name = run("zero_shot", parent=parent)
    assert accuracy(name) >= 0.85
    record = read_json(paths.run_record(parent))
    assert (
        record["trainable"]
        < 0.01 * sum(p.numel() for p in load_encoder(paths.encoder_dir(tiny.ENCODER)).model.parameters())
    ) == bool(lora)


def test_both_ways_of_metaxl_see_one_derivative(world):
    training = {"optimizer": "sgd", "epochs": 1, "warmup": 0.0, "batch_size": 2}
    norms = []
    for way in ("fast", "lean"):
        method = {**BASE["paper"], "way": way, "meta_lr": 0.1}
        loop, phases = loop_of(spec("metaxl", training, method=method))
        streams, _ = loop.prepare(phases[0])
        loop.set_training(False)
        norms.append(loop.ingredients.method.step(loop, streams.draw)["phi_gradient_norm"])
    assert norms[0] > 0
    torch.testing.assert_close(*norms, rtol=1e-2, atol=1e-9)


def test_training_on_begins_where_the_encoder_stands(world, tmp_path):
    """Masked words of held-out sentences become likelier, and the layers move little."""
    start, on = paths.encoder_dir(tiny.ENCODER), tmp_path / "on"
    on.mkdir()
    texts = {"reviews/es": [f"{one} {other}" for (one, _), (other, _) in product(reviews("es"), repeat=2)]}
    given = {"max_length": 24, "alpha": 0.5, "steps": 12, "batch_size": 8, "learning_rate": 1e-4}
    settings = Training(**given, weight_decay=0.01, warmup=0.1, mask=0.3, seed=0)
    job = Job(tmp_path / "checkpoint.pt", torch.device("cpu"), lambda *_: None, lambda *_: None)
    facts = train_on(start, settings, texts, job, on)
    assert facts["held_out"]["reviews/es"]["loss"] < facts["held_out_before"]["reviews/es"]["loss"]
    before, after = (load_encoder(folder).model.state_dict() for folder in (start, on))
    assert before.keys() == after.keys()
    moved = max(float((after[name] - before[name]).abs().max()) for name in before)
    assert 0 < moved < 0.01
