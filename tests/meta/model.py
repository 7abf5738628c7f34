"""A small BERT in float64 with a tagging head and RTNs, and losses of two batches as functions of θ and φ."""

import torch
from torch import nn
from torch.func import functional_call
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel

from pipeline.methods.parts.rtn import Design, SourcePath, Transformation, resolve
from pipeline.tasks.model import TaskModel

LAYERS, WIDTH, CLASSES = 2, 8, 3


def make_model(attention="sdpa", dropout=0.0):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=10,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        attn_implementation=attention,
        initializer_range=0.3,
    )
    return TaskModel(BertModel(config, add_pooling_layer=False), nn.Linear(WIDTH, CLASSES)).double()


def make_batch(seed, rows=4, length=6, languages=(0,)):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(rows, length, dtype=torch.long)
    mask[0, 4:] = 0
    return {
        "input_ids": torch.randint(0, 20, (rows, length), generator=generator),
        "attention_mask": mask,
        "labels": torch.randint(0, CLASSES, (rows, length), generator=generator),
        "language": torch.tensor([languages[i % len(languages)] for i in range(rows)]),
    }


def task_loss(logits, batch):
    return nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten())


class Problem:
    """θ, φ, and the losses L_s(θ, φ) and L_t(θ)."""

    def __init__(self, design=None, mixed=False, languages=(), seed=0, **model):
        design = design or Design(placement=("top",), bottleneck=5)
        self.model = make_model(**model)
        layers = resolve(design, self.model.encoder)
        generator = torch.Generator().manual_seed(seed)
        self.phi_module = Transformation(
            layers, languages, WIDTH, design, mixed and len(layers) > 1, generator
        ).double()
        for parameter in self.phi_module.parameters():  # no zero biases: their derivatives are to be seen too
            parameter.data += 0.1 * torch.randn(parameter.shape, dtype=torch.double, generator=generator)
        numbers = [[k] for k in range(len(layers))] if self.phi_module.mixture is not None else [None]
        self.paths = [SourcePath(self.model, self.phi_module, chosen) for chosen in numbers]
        self.theta_names = [name for name, _ in self.model.named_parameters()]
        self.phi_names = [f"transformation.{name}" for name, _ in self.phi_module.named_parameters()]
        self.theta = tuple(p.detach().clone() for p in self.model.parameters())
        self.phi = tuple(p.detach().clone() for p in self.phi_module.parameters())

    def source_loss(self, batch):
        def loss(theta, phi):
            given = {f"model.{n}": t for n, t in zip(self.theta_names, theta, strict=True)}
            given |= dict(zip(self.phi_names, phi, strict=True))
            losses = torch.stack([task_loss(functional_call(path, given, (batch,)), batch) for path in self.paths])
            return losses @ torch.softmax(given["transformation.mixture"], 0) if len(self.paths) > 1 else losses[0]

        return loss

    def target_loss(self, batch):
        def loss(theta):
            given = dict(zip(self.theta_names, theta, strict=True))
            return task_loss(functional_call(self.model, given, (batch,)), batch)

        return loss


def error(found, expected):
    """The relative error of all tensors together, in the Euclidean norm."""
    difference = torch.nn.utils.get_total_norm([a - b for a, b in zip(found, expected, strict=True)])
    return float(difference / torch.nn.utils.get_total_norm(list(expected)))
