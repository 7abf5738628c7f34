"""The datasets' part of `config/README.md`: prose, licence and an example for each loader; its tables come from the models."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Described:
    """What `config/README.md` says of one loader.

    Attributes:
        loader: its name in the config.
        kind: the model's name, as `pipeline.config.datasets` has it.
        prose: what it reads and what is peculiar to it.
        licence: whose terms apply.
        without: what to do where it cannot be downloaded; nothing for what needs no download.
        example: a valid piece of config.
    """

    loader: str
    kind: str
    prose: str
    licence: str
    without: str
    example: str


DATASETS = (
    Described(
        "babel",
        "Babel",
        "Parameters and distances of the built-in languages, and what each task asks, are in `docs/babel.md`.",
        "made here, no terms",
        "",
        """\
datasets:
  babel:
    loader: babel
    task: ner
    sizes: {train: 2000, dev: 200, test: 500, text: 4000}
    family:
      newish: {parent: hubbish, change_rate: 0.3}""",
    ),
    Described(
        "wikiann",
        "WikiAnn",
        "The counts of the languages that papers use are built in and checked; `expected` replaces them or adds "
        "others. Where test files bear no labels, `test: dev` tests on the dev set; the epoch must then be chosen on "
        "data cut from the training split, by `dev`. Nothing does either silently. A copy in `mirror` or `folder` may "
        "be in any form the data goes about in: the hub's Parquet, `lang:token<TAB>TAG` files or archives, PAN-X TSV.",
        "the text is Wikipedia's (CC BY-SA); the dataset states none of its own",
        "copy `<language>.tar.gz` or `{train,dev,test}-<language>.tsv` into a folder and say `sources: [folder]`",
        """\
datasets:
  wikiann:
    loader: wikiann
    sources: [mirror, hub]
    mirror: ../mirror
    hub: {repository: unimelb-nlp/wikiann, revision: f0a3be6dc5564c0cc4150bb660144800a1f539d4}
    test: dev
    dev: {from: train, fraction: 0.2}""",
    ),
    Described(
        "xnli",
        "Xnli",
        "Dev and test only, 2,490 and 5,010 pairs a language, row-parallel: a row's id is the same in all languages. "
        "Training data are MultiNLI's (`source_dataset: multinli` in the experiment), or XNLI's dev set with "
        "`few_shot`. Forms: the hub's Parquet, `XNLI-1.0.zip`, XTREME's `{dev,test}-<language>.tsv` with the test "
        "labels in `test-labels.txt` beside them.",
        "CC BY-NC 4.0: not for commercial use",
        "unpack `XNLI-1.0.zip` (or the XTREME files) into a folder and say `sources: [folder]`",
        """\
datasets:
  xnli: {loader: xnli, sources: [mirror, archive], mirror: ../mirror}""",
    ),
    Described(
        "multinli",
        "MultiNli",
        "English (`en`): dev is the matched set, test the mismatched one; pairs without a gold label (`-`) are "
        "dropped and counted. Forms: the hub's Parquet, `multinli_1.0.zip` (JSONL or text), GLUE's TSV. A sample is "
        "used by saying what it holds, `expected`, and where dev comes from; what it lacks is then not there to test "
        "on.",
        "the OANC's for most of it, the sources' own for the fiction",
        "unpack `multinli_1.0.zip` into a folder and say `sources: [folder]`",
        """\
datasets:
  multinli:
    loader: multinli
    sources: [hub, archive]
    hub: {repository: nyu-mll/multi_nli, revision: 0123456789abcdef0123456789abcdef01234567}""",
    ),
    Described(
        "mlqa",
        "Mlqa",
        "Seven languages, dev and test only; `de` has German contexts and questions, `de.es` German contexts with "
        "Spanish questions. A question's id is the same in all languages. Training data are SQuAD's (`source_dataset: "
        "squad`). Where test files bear no answers, `test: dev` tests on dev; then there is no dev set, which "
        "`zero_shot` does not need. Forms: the hub's Parquet (`google/xtreme`, or a repository called `mlqa`), "
        "`MLQA_V1.zip`.",
        "CC BY-SA 3.0",
        "unpack `MLQA_V1.zip` into a folder and say `sources: [folder]`",
        """\
datasets:
  mlqa: {loader: mlqa, sources: [mirror, archive], mirror: ../mirror, test: dev}""",
    ),
    Described(
        "squad",
        "Squad",
        "English (`en`), train and dev; there is no public test set, so SQuAD serves as `source_dataset`. Files in "
        "the shape of 2.0 hold questions without an answer: refused, or with `unanswerable: drop` left out and "
        "counted. Answers that do not stand at their offset are looked for; what was moved and what was dropped is in "
        "the report.",
        "CC BY-SA 4.0",
        "put `train-v1.1.json` and `dev-v1.1.json` into a folder and say `sources: [folder]`",
        """\
datasets:
  squad:
    loader: squad
    sources: [hub]
    hub: {repository: rajpurkar/squad, revision: 0123456789abcdef0123456789abcdef01234567}""",
    ),
    Described(
        "marc",
        "Marc",
        "Reviews in de, en, es, fr, ja, zh; one and two stars are negative, four and five positive, three are "
        "dropped: 160,000 / 4,000 / 4,000 a language. Its publisher withdrew the corpus in 2023, so the original "
        "address gives nothing; mirrors of the hub and your own copy are read, as JSONL, CSV with a header or "
        "without. `{language}` in a hub repository's name stands for the language. `title: true` puts the title "
        "before the text and needs a copy that has titles.",
        "the publisher's: academic, non-commercial use, no republication",
        "put `{train,dev,test}` files (or the original's `dataset_<language>_<split>.json`) into a folder: `sources: [folder]`",
        """\
datasets:
  marc: {loader: marc, sources: [folder], folder: data/marc, title: false}""",
    ),
    Described(
        "sentipers",
        "SentiPers",
        "Persian (`fa`), from `sentipers.xlsx` and MetaXL's `data_index.txt`, the row numbers of its split; polarity "
        "−2, −1 is negative, 1, 2 positive, 0 is dropped. `split: published` is the split of the paper, rows that its "
        "index lost left out and counted; it has rows in more than one split, which `split: clean` removes.",
        "the authors'; research use",
        "ask the authors of SentiPers for the workbook, take `data_index.txt` from MetaXL's repository, and put both "
        "into a folder",
        """\
datasets:
  sentipers: {loader: sentipers, sources: [folder], folder: data/sentipers, split: clean}""",
    ),
    Described(
        "sentiraama",
        "Sentiraama",
        "Telugu (`te`), product reviews: `product_pos.txt` and `product_neg.txt`, and MetaXL's `data_index.txt`, "
        "which says which lines are train, dev and test (100 / 103 / 100).",
        "the authors'; by request",
        "ask LTRC, IIIT Hyderabad, for the corpus, take `data_index.txt` from MetaXL's repository, and put them into a folder",
        """\
datasets:
  sentiraama: {loader: sentiraama, sources: [folder], folder: data/sentiraama}""",
    ),
    Described(
        "cls10",
        "Cls10",
        "Reviews in de, en, fr, ja and three domains, a dataset each: 2,000 train and 2,000 test, half of them "
        "positive; dev is cut from train, 1,600 / 400. The original's XML is read as it is, gzipped or not, broken "
        "items mended or dropped, and counted. A label proportion as in MGL is a share as `target_size: [0.1, 0.2, "
        "0.5]`, or `all`.",
        "research use; see its page",
        "request `cls-acl10-unprocessed` from its page, unpack it into a folder and say `sources: [folder]`",
        """\
datasets:
  cls10-books: {loader: cls10, sources: [folder], folder: data/cls-acl10-unprocessed, domain: books, unlabelled: 5000}""",
    ),
    Described(
        "files",
        "Files",
        "For any task; for `ner` also CoNLL; packed text too (`.csv.gz`). A file of yours that changed is read again; a "
        "repository and its commit, or an archive's address and SHA-256, are part of what a run is known by. Each split has "
        "a file or several, or what is for all is cut into splits, classes in their shares. How tables are written (what "
        "separates cells, which quotes are data, which sheet) is recognised, noted, and may be said. Parquet that names its "
        "numbered classes is read by these names, which `labels` maps then. "
        "`datasets/` has ready entries for public sets, to be copied or named beside your config (`docs/data.md`). "
        "`examples/nusax.yaml` is a ready-made example with three classes; `examples/relevance.yaml` one for a "
        "search-relevance table, which nobody publishes.",
        "yours, or what the source says",
        "",
        """\
datasets:
  reviews:
    loader: files
    task: sentiment
    folder: data/reviews
    files: {all: "{language}.csv"}
    columns: {text: body, label: stars}
    labels: {"1": negative, "2": negative, "3": null, "4": positive, "5": positive}
    cut: {dev: 0.1, test: 0.2, seed: 0}""",
    ),
)
