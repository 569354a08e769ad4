"""``runs.<name>.train``."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.schema.base import ParamsModel

Positive = Annotated[float, Field(gt=0)]
Alpha = Annotated[float, Field(gt=0, le=1000)]
Decay = Annotated[float, Field(ge=0)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Warmup = Annotated[float, Field(ge=0, description="epochs of linear warm-up before the schedule begins")]


class Sgd(ParamsModel):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    lr: Positive = Field(description="learning rate; a schedule multiplies it")
    momentum: Beta = Field(0.0, description="share of the last update that is kept")
    nesterov: bool = Field(False, description="look ahead by the momentum")
    weight_decay: Decay = Field(0.0, description="L2 penalty on weights, not on biases and norms")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "Sgd":
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov (true) needs a momentum above 0: set momentum: 0.9, or leave nesterov out")
        return self


class Adam(ParamsModel):
    """Adam, or AdamW with its decoupled weight decay."""

    name: Literal["adam", "adamw"]
    lr: Positive = Field(description="learning rate; a schedule multiplies it")
    betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] = Field(
        [0.9, 0.999], description="decay of the running mean and of the running square"
    )
    eps: Positive = Field(1e-8, description="added to the root of the running square")
    weight_decay: Decay = Field(0.0, description="on weights, not on biases and norms")


class RmsProp(ParamsModel):
    """Gradients over the root of their running square."""

    name: Literal["rmsprop"]
    lr: Positive = Field(description="learning rate; a schedule multiplies it")
    alpha: Beta = Field(0.99, description="decay of the running square")
    eps: Positive = Field(1e-8, description="added to the root of the running square")
    momentum: Beta = Field(0.0, description="share of the last update that is kept")
    centered: bool = Field(False, description="divide by the gradients' deviation from their running mean")
    weight_decay: Decay = Field(0.0, description="L2 penalty on weights, not on biases and norms")


class Constant(ParamsModel):
    """The same learning rate throughout."""

    name: Literal["constant"]
    warmup_epochs: Warmup = 0.0


class Staircase(ParamsModel):
    """Multiply the learning rate every few epochs."""

    name: Literal["step"]
    every_epochs: int = Field(ge=1, description="epochs between two steps down")
    factor: float = Field(0.1, gt=0, le=1, description="factor on the learning rate at each step down")
    warmup_epochs: Warmup = 0.0


class Cosine(ParamsModel):
    """Half a cosine down."""

    name: Literal["cosine"]
    final_factor: float = Field(0.0, ge=0, le=1, description="learning rate at the end, as a factor of lr")
    warmup_epochs: Warmup = 0.0


class OneCycle(ParamsModel):
    """The learning rate rises, then falls below where it began."""

    name: Literal["one_cycle"]
    warmup_fraction: float = Field(0.3, gt=0, lt=1, description="share of the run in which the learning rate rises")
    start_factor: float = Field(0.04, gt=0, le=1, description="learning rate at the first step, as a factor of lr")
    final_factor: float = Field(4e-6, ge=0, le=1, description="learning rate at the last step, as a factor of lr")


class EarlyStopping(ParamsModel):
    """When to stop before the last epoch."""

    patience: int = Field(
        ge=1, description="number of epochs without a lower validation loss after which training stops"
    )
    min_delta: float = Field(0.0, ge=0, description="smallest decrease of the validation loss that counts")


class Finetune(ParamsModel):
    """How a network goes on from weights that were learnt elsewhere."""

    head_epochs: int = Field(
        3, ge=0, description="epochs at the start in which the head alone learns, at lr; the schedule begins after them"
    )
    layer_decay: float = Field(
        0.7, gt=0, le=1, description="factor on the learning rate from each stage of layers to the one below"
    )
    fixed_norms: bool = Field(
        True, description="batch norms keep the statistics they come with; false: they take those of the batches"
    )


class TrainBlock(ParamsModel):
    """How a network is trained."""

    epochs: int = Field(ge=1, description="passes over the training split")
    batch_size: int = Field(ge=1, description="examples of a forward and backward pass, over all processes")
    accumulation_steps: int = Field(1, ge=1, description="passes per update: 2 with batch_size 64 update as 128 does")
    optimizer: Sgd | Adam | RmsProp = Field(discriminator="name")
    schedule: Constant | Staircase | Cosine | OneCycle = Field(
        default_factory=lambda: Constant(name="constant"), discriminator="name"
    )
    loss: str = Field(
        "auto",
        description="auto: the task's first loss, or the name of another of its LOSSES: cross_entropy, mse, mae, ...; "
        "binary_cross_entropy of a classifier: two classes from one output; mse of a classifier: squared error on "
        "one-hot targets",
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of each training target that is spread over all classes, for cross_entropy"
    )
    class_weights: Literal["none", "inverse", "effective"] = Field(
        "none",
        description="weights of the training loss by class counts: rare classes weigh more; of several classes an "
        "example: the examples that have a class weigh more in its part of the loss",
    )
    sampler: Literal["shuffle", "balanced"] = Field(
        "shuffle", description="examples of an epoch: each once, or each class equally often"
    )
    length_buckets: bool = Field(
        True, description="for texts: batches of similar lengths, with little padding; false: in the order drawn"
    )
    mixup: Alpha | None = Field(
        None, description="alpha of Beta(alpha, alpha): how much of another example is blended in; null: nothing"
    )
    cutmix: Alpha | None = Field(
        None,
        description="alpha of Beta(alpha, alpha): how large a box of another image is pasted in; null: none; "
        "with mixup, each update draws one of the two",
    )
    clip_norm: Positive | None = Field(None, description="largest L2 norm of the whole gradient; null: no clipping")
    ema_decay: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="decay of the averaged weights, which are kept: 0.999 averages 1,000 updates; null: none",
    )
    early_stopping: EarlyStopping | None = Field(
        None, description="stop when the validation loss no longer falls; null: train to the last epoch"
    )
    keep: Literal["last", "best"] = Field(
        "last", description="epoch whose weights are kept; best: lowest validation loss, the first of equals"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="precision of the forward pass; auto: bfloat16 on CUDA, else float32"
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, cuda, cuda:1 or mps")
    threads: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        "auto", description="CPU threads of torch in each process; auto: the cores, shared among the processes"
    )
    processes: int = Field(
        1, ge=1, description="processes that compute parts of each batch: one per GPU, or several on a CPU"
    )
    compile: bool = Field(False, description="torch.compile: a minute before the first update, then faster on CUDA")
    checkpoint_every_s: float = Field(
        60.0, ge=0, description="seconds between two checkpoints: what a kill can cost; 0: after every update"
    )
    deterministic: bool = Field(True, description="the same bits on every run; false allows faster kernels on CUDA")
    seed: int | None = Field(None, ge=0, description="default: the file's seed")
    ensemble: int = Field(
        1, ge=1, description="number of trainings whose answers are averaged, with seed, seed + 1, ...; 1: no ensemble"
    )
    init_from: str | None = Field(None, description="a key of runs: whose trained weights this one starts from")
    freeze: str | list[str] = Field(
        [], description="layers that keep their first weights: prefixes of their names, or backbone: all but the head"
    )
    finetune: Finetune | None = Field(
        None, description="first the head alone, then all layers, the deeper the slower; null: all alike from the start"
    )

    @model_validator(mode="after")
    def _class_weights_or_balanced_sampler(self) -> "TrainBlock":
        if self.class_weights != "none" and self.sampler == "balanced":
            raise ValueError(
                f"class_weights ({self.class_weights}) and sampler (balanced) must not both be set: rare classes would "
                "count twice. Leave class_weights out; or sampler, if each example shall be seen once an epoch"
            )
        return self

    @model_validator(mode="after")
    def _epochs_are_left_after_the_head(self) -> "TrainBlock":
        if self.finetune and self.finetune.head_epochs >= self.epochs:
            raise ValueError(
                f"finetune.head_epochs ({self.finetune.head_epochs}) must be less than epochs ({self.epochs}). To "
                "train the head alone throughout, set freeze: backbone and leave finetune out"
            )
        if self.finetune and "backbone" in self.frozen_layers:
            raise ValueError("freeze (backbone) and finetune must not both be set: leave one out")
        return self

    @property
    def frozen_layers(self) -> list[str]:
        """``freeze`` as a list."""
        return [self.freeze] if isinstance(self.freeze, str) else list(self.freeze)

    @property
    def result_settings(self) -> dict[str, Any]:
        """The settings that decide a training's result; the others say where, how and how often it is computed."""
        others = {"device", "threads", "processes", "checkpoint_every_s", "ensemble"}
        return self.model_dump(exclude=others) | {"freeze": self.frozen_layers}
