"""The prose and examples of `config/README.md`; its tables come from the models. All examples together are one valid config."""

INTRO = """\
# The config

A config names **datasets**, **encoders**, **experiments** (grids of runs) and **tables** over them. `config.yaml` in this folder
is the demo and the default; `examples/` holds more, `datasets/` ready entries for public sets. Give your own with `snakemake
--configfile my.yaml`; `metalingua check my.yaml` says whether it is right, `metalingua plan my.yaml` what it would run.

* The whole config is checked before any job starts: unknown keys and names, impossible combinations, missing dev data. Every
  error is reported at once, with file, line and path:

  ```text
  my.yaml:31: experiments.few-shot.methods[2]: unknown method 'jiont'; did you mean 'joint'?
  my.yaml:8: training.epochz: unknown key; did you mean 'epochs'?
  ```

* Several files are merged, later before earlier: `--configfile a.yaml b.yaml`. Mappings are merged key by key, everything else
  is replaced. `--config` goes before files. Snakemake takes whole sections, `--config 'training={epochs: 5}'`; `metalingua` takes
  paths as well, `metalingua plan a.yaml b.yaml --config training.epochs=5`.
* Numbers may be spelled `0.001`, `1.0e-3` or `1e-3`: they are the same number and the same run.
* Paths start in the folder in which Snakemake does; `~` and `~user` are home folders, variables are not expanded. Blanks, quotes
  and `*` may stand in them; braces may not, which Snakemake takes for wildcards.
* Names become file names: letters, digits and `_`, inside also `.` and `-`. Put languages in quotes that YAML reads as truth
  values: `"no"`.
* [`default.yaml`](default.yaml) lists every key with its default. Editors that know JSON schema complete and check keys after
  this first line: `# yaml-language-server: $schema=schema.json` (the path of [`schema.json`](schema.json) from your file).

This file, `default.yaml` and `schema.json` are generated: `python -m pipeline.config.documentation` writes them anew."""

DATASETS = """\
## Datasets

A dataset is a corpus in one or more languages, under a name of your choice; `loader` says of which kind. Only languages that
an experiment or an encoder names are fetched or made. Its folders are called `<name>-<id>`, the id being a hash of what
determines the content, so another setting never overwrites files.

Everything that is downloaded is checked by the rows it must hold, and looked for in the order of `sources`: a mirror (for
machines without internet), the hub at a pinned commit, the original archive, a folder of yours. Faulty rows are mended or dropped
by rule and counted in `report.json` beside the splits; what no rule covers is an error with file and line.

The sources of an experiment may come from another dataset of the same task and labels, `source_dataset`: MultiNLI for XNLI, SQuAD
for MLQA, MARC for SentiPers."""

ENCODERS = """\
## Encoders

An encoder is a pretrained model, under a name of your choice; `from` says where it comes from. Only those that an experiment
uses are fetched or trained."""

PRETRAIN = """\
A word-piece vocabulary is learned from the same text. The order of datasets and languages does not matter."""

PRETRAIN_EXAMPLE = """\
encoders:
  small:
    from: pretrain
    text:
      - {dataset: babel, languages: all}
    steps: 2000
    learning_rate: 1e-3"""

CONTINUE = """\
For languages that it has seen little or nothing of. It starts from any encoder of the config, an extended one included. With
`languages: target` each target has an encoder of its own, as with `from: extend`. See `docs/encoders.md`."""

CONTINUE_EXAMPLE = """\
encoders:
  mbert: {from: hub, repository: google-bert/bert-base-multilingual-cased, revision: 3f076fdb1ab68d5b2880cb87a0886f315b8146f8}
  mbert-adapted:
    from: pretrain
    start: mbert
    text: [{dataset: wikiann, languages: [qu, jv]}]
    steps: 5000"""

HUB_EXAMPLE = """\
encoders:
  mbert:
    from: hub
    repository: google-bert/bert-base-multilingual-cased
    revision: 3f076fdb1ab68d5b2880cb87a0886f315b8146f8"""

FOLDER_EXAMPLE = """\
encoders:
  mine: {from: folder, folder: models/mine}"""

EXTEND = """\
The encoder it extends need not be used by an experiment; it is got or trained all the same. With `languages: target` the runs
of one target share an encoder, parents included, and the dataset must be the experiment's. See `docs/encoders.md`."""

EXTEND_EXAMPLE = """\
encoders:
  mbert: {from: hub, repository: google-bert/bert-base-multilingual-cased, revision: 3f076fdb1ab68d5b2880cb87a0886f315b8146f8}
  mbert-extended:
    from: extend
    encoder: mbert
    text: [{dataset: wikiann, languages: target}]
    pieces: 500"""

TRAINING = """\
## Training

Each layer goes before the one before it: `training` of the config, `training` of the experiment, what is built into the method
(`few_shot`: `epochs: 1`, `select: last`), `training` of the method's entry. An experiment or a method names only the keys it
changes. What ends few-shot runs of `x_maml` and `xla_maml`, fine-tuning on the target, is trained as `few_shot` would be in the
same experiment, but for the keys in `fine_tune` of the method's entry."""

TRAINING_EXAMPLE = """\
training:
  learning_rate: 5e-4
  epochs: 10
  max_length: 128"""

METHODS = """\
## Methods

Every method can be listed in an experiment by its own name. An entry under `methods` changes settings: under the method's own
name for all experiments, or under a new name as a variant (`method` says of which) that can be listed beside it. Variants
with equal settings are one run."""

METHODS_EXAMPLE = """\
methods:
  target_only: {training: {epochs: 40}}
  joint-concatenated: {method: joint, batches: concatenated}
  few_shot-train: {method: few_shot, split: train}"""

GRIDS = """\
### Grids

An entry with `tune` is a grid: by hyper-parameter of the method, or by `training.<key>`, the values to try; several keys are all
combinations. Every point is an ordinary run, the same one that an entry with these values would ask for, and each experiment
that lists the entry trains all of them. Tables show for each target the point with the best dev score, the mean over seeds, and
name it; with `tune_by: mean` one point is chosen for all targets of the same sources, by the mean over them. The test set never
chooses. `docs/tables.md` says how ties and missing runs are treated.

A key cannot be set and tuned in one entry; where the experiment or the config sets it, the grid goes before. Points are compared
by the dev score of their best epoch, so a grid needs `select: best`, and `select`, `select_metric` and `test_max_length` cannot
be tuned: dev scores would not be comparable, or not change. `training.max_length` can: words that are cut off count as missed,
so the score is of the same words at every length."""

GRIDS_EXAMPLE = """\
methods:
  joint-tuned:
    method: joint
    tune: {training.learning_rate: [3e-4, 1e-3], batches: [balanced, concatenated]}
    tune_by: mean"""

EXPERIMENTS = """\
## Experiments

An experiment is a grid: methods × source sets × targets × sizes × seeds, a run each. Runs that several experiments ask for are
trained once. A source set is one language or a list of languages that are used together, in any order. `target_only` uses no
source, so one run of it serves all source sets and source sizes; in the same way `zero_shot` serves all target sizes. Subsets
are nested: with the same data seed, the first 100 examples are among the first 1000, and where the task has classes each of
them is there in its share. A size below 1 is a share of all examples: `0.1` a tenth of them. `1.0` is refused, since it might be
all of them or one: say `all`, or `1`.

With `source_dataset` the source languages are read from another dataset, and the parent run that `zero_shot`, `few_shot` and
`fine_tune` start from belongs to that one alone: targets of several datasets share it. What a dataset has not is told before any
job starts: a language, the training set of XNLI and MLQA, the test set of SQuAD, a split that your files do not name.

Methods that learn from auxiliary languages (`x_maml`, `xla_maml`, `reptile`, `auxiliary_tune`, `meta_optimizer`) are trained once
for each set under `auxiliaries`, and each set has a row of its own in a table. One model is tested on all targets, in one job,
but for few-shot. A target that is an auxiliary too is no zero-shot target: it is refused, or with `auxiliary_targets: leave_out`
its cell stays empty. How these methods work: `docs/episodes.md`.

`model_seeds: {start: 3, until: decided, at_most: 12, margin: 2.0}` begins with three seeds and adds others where a table's
comparison with its baseline or with its best row is open: neither separated nor known to differ by less than two points
([docs/seeds.md](../docs/seeds.md))."""

EXPERIMENTS_EXAMPLE = """\
experiments:
  few-shot:
    dataset: babel
    encoder: small
    methods: [target_only, joint, joint-concatenated, fine_tune, zero_shot]
    sources: [hubbish, [hubbish, middish]]
    targets: [nearish, farrish]
    source_size: [500, 2000]
    target_size: 100
    model_seeds: [1, 2, 3]
    training: {epochs: 5}"""

TABLES = """\
## Tables

A table shows one metric of one or more experiments: methods in rows, languages in columns, mean ± standard deviation over seeds
in the cells; with `columns: average` the mean over the targets alone, a row for each size and source set. Experiments of several
datasets stand side by side with `columns: dataset`, each target's mean over them behind it; with `columns: dataset_average` these
means alone ([docs/tables.md](../docs/tables.md#means-over-datasets)). All experiments of a table are of one task. Metrics by
task; the first chooses epochs unless `training.select_metric` names another, and a table, an analysis or a figure shows it unless
its own `metric` does, whatever chose the epochs:

| task | metrics |
|---|---|
| `ner` | `entity_f1_strict`; with `precision` or `recall` for `f1`, `lenient` for `strict` (the reading of `conlleval`), and \
`_PER`, `_ORG`, `_LOC` or a type of your own appended for one entity type |
| `classification` | `f1_macro`, the mean over the classes; `accuracy`; `f1_` and the name of any class |
| `sentiment` | `f1_macro`, the mean over the classes; `accuracy`; `f1_positive`; `f1_` and the name of any other class |
| `nli` | `accuracy`; `f1_macro`; `f1_entailment`, `f1_neutral`, `f1_contradiction` |
| `relevance` | `f1_positive`, of the class `relevant`; `accuracy`; `f1_macro`; `f1_` and the name of any other class |
| `qa` | `answer_f1`, of words; `exact_match`; both with `_squad`: by the rule of SQuAD, not MLQA's |

Every `f1_…` has its `precision_…` and `recall_…`, but for `f1_macro`."""

TABLES_EXAMPLE = """\
tables:
  few-shot:
    title: Few-shot NER in Babel
    experiments: [few-shot]
    baseline: target_only
    methods: [target_only, zero_shot, fine_tune, joint]
    labels: {joint: "JT"}"""

ANALYSES = """\
## Analyses

An analysis compares the models of two methods of an experiment: how far apart source and target lie in each (Hausdorff distance
under the cosine distance), a picture of both (two principal components), and over the language pairs whether scores went along.
How to read them: `docs/analysis.md`. The runs it names keep their models. An experiment with several sizes needs one of its own
for the analysis; runs that both ask for are trained once."""

ANALYSES_EXAMPLE = """\
experiments:
  one-size:
    dataset: babel
    encoder: small
    methods: [joint, fine_tune]
    sources: [hubbish]
    targets: [nearish, farrish]
    source_size: 500
    target_size: 100
    model_seeds: [1, 2, 3]
    training: {epochs: 5}

analyses:
  closer:
    experiment: one-size
    before: joint
    after: fine_tune
    sentences: 200"""

ERRORS = """\
## Errors

What models get wrong, made of predictions that are there: `results/errors/<name>.csv`, `.md`, `.tex` and a figure, `.pdf` and
`.png`. See `docs/errors.md`."""

ERRORS_EXAMPLE = """\
errors:
  one-size-errors:
    experiment: one-size
    methods: [joint, fine_tune]"""

FIGURES = """\
## Figures

Figures over an experiment or of a table, `results/figures/<name>.pdf` and `.png`: drawn from what runs have left, a column of a
paper wide where they fit ([docs/figures.md](../docs/figures.md)). Those of analyses come by themselves."""

FIGURES_EXAMPLE = """\
experiments:
  auxiliaries:
    dataset: babel
    encoder: small
    methods: [zero_shot, joint, xla_maml, meta_optimizer]
    sources: [hubbish]
    auxiliaries: [[nearish, middish]]
    targets: [farrish]
    model_seeds: [1, 2, 3]

tables:
  gains: {experiments: [auxiliaries], baseline: zero_shot}

figures:
  learning: {kind: curves, experiment: auxiliaries, methods: [joint]}
  forest: {kind: forest, table: gains}
  from-where: {kind: transfer, experiments: [auxiliaries], method: joint, baseline: zero_shot}
  helpers: {kind: gains, experiment: auxiliaries, method: xla_maml}
  layers: {kind: rates, experiment: auxiliaries, method: meta_optimizer}

language_names: own"""

LANGUAGE_NAMES = """\
### Names of languages

Figures can call languages by names in any script and direction, with fonts that the machine has
([docs/figures.md](../docs/figures.md#names-of-languages))."""

RESULTS = """\
## Results of earlier code

A new version of this code makes finished runs stale where it touches what made them, and Snakemake trains them anew. What you
know to hold still can be kept: `accept_code` names the code, by the hash in each `run.json`. `metalingua plan` prints the line
to copy, with the files that differ; so does the error that refuses stale runs."""

RESULTS_EXAMPLE = """\
results: {accept_code: ["0123456789ab"]}"""

OTHER = """\
## Pruning

Runs, data and encoders stay until `snakemake prune`, which shows what neither the config nor those in `keep` name, and with
`--config confirm=yes` deletes it. Each file in `keep` is a config for itself, not merged with the others. Shown too are leftover
checkpoints, representations no analysis or figure looks at, and the model of a parent run once all runs that start from it are
finished: its scores stay, but a child added later has the parent, and with it the other children, trained again."""

OTHER_EXAMPLE = """\
keep: [config/examples/wikiann.yaml]"""

IDENTITY = """\
## What makes a run

A run's id is a hash of everything that determines its result, and of nothing else. Change one of these and the run is another,
trained anew; change it back and the old one is found:

* its method and hyper-parameters, and every training setting it uses;
* task, sources, target, `source_size`, `target_size`, `dev_size`, `data_seed`, `model_seed`; for methods that learn from
  auxiliary languages these, `auxiliary_size`, and the languages that the one model is tested on;
* the dataset's name and content (loader and options, hub revision), that of the sources' dataset where it is another one, and the
  encoder's name and description, for a pretrained one with the datasets and languages of its text, for one that is extended or
  trained on also with the encoder it is made from;
* its parent run, and by it all of the above in the parent; for `meta_optimizer` also the run that learned its rates; for
  `weight_average` and `ensemble` the runs that are averaged, in place of the seed or sources that these differ in.

What a method does not use is left out of the id: `learning_rate` for `zero_shot`, `dev_size` where `select` is `last`, `patience`
and `select_metric` too, `test_max_length` for a parent, which is not tested, `longest_answer` but for `qa`. These change no run
at all:

| key | what it changes |
|---|---|
| `tables` and all in it | the table files only |
| `tune` and `tune_by`, beside the values of each point | which points are trained, and which the tables show |
| `analyses` and all in it | the files of the analysis; runs that kept no model are trained again to the same result |
| `errors` and all in it | the files of the error analysis only |
| `figures` and all in it, `language_names` | the figures only |
| names of experiments, tables and variants; comments, key order, the spelling of numbers | nothing, or the table files |
| `datasets.*.mirror`, `folder`, `sources`, `archive`, `expected` | where files are sought and how they are checked |
| `datasets.*.languages` of your own files | what a language is read from; its data are read again |
| `datasets.*.licence` of your own files | nothing |
| `results` | which finished results of earlier code are kept |
| `keep`, `confirm` | what `prune` keeps and whether it deletes |

The order of `labels` of your own files is that of the classes, so another order is another dataset. Your own files themselves are
not part of the id: a file that holds something else than what was read, whatever date it bears, is read again, and the runs that
used it are trained again under the same id.

A path under `encoders.*.folder` is different: it is all that is known of that model beforehand, so it is part of the id."""
