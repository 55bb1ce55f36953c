"""RecallTrainer: what it adds to a Trainer, what it leaves alone, and runs that go on. See test_three_ways, too."""

import copy

import pytest
import torch
import transformers
from small import refused
from ways import (
    EVERY,
    NEW,
    STEADY,
    Witness,
    arguments,
    as_saved,
    batched,
    bert,
    farthest,
    fisher_of,
    rows,
    same,
    source_of,
    weights,
)

from recall_learn import RecallTrainer, compose
from recall_learn.runs import kept
from recall_learn.theory.anchors import trainable

LR, DECAY, CLIP = 1e-3, 0.1, 0.05


def trained(model, folder, method, resume=None, callbacks=(), loss_kwargs=False, given=None, **more):
    options = {"new": NEW, "fisher": fisher_of(model)} if given is None else given
    options = {"source": source_of(model)} | options
    trainer = RecallTrainer(
        model,
        arguments(folder, weight_decay=DECAY, max_grad_norm=CLIP, **more),
        train_dataset=rows(),
        callbacks=list(callbacks),
        method=method,
        **options,
    )
    # for forward(**kwargs) Trainer believes that the model divides by the whole batch; BERT's loss is its part's mean
    trainer.model_accepts_loss_kwargs = loss_kwargs
    trainer.train(resume)
    return trainer


@pytest.mark.parametrize("method", STEADY)
def test_two_batches_of_four_are_one_of_eight(tmp_path, method):
    ends = []
    for batch, accumulation in ((8, 1), (4, 2)):
        model = bert()
        start = weights(model)
        # with a larger eps, as Adam would else walk along the rounding where a gradient is 0 (a key's bias)
        settings = {"batch": batch, "accumulation": accumulation, "max_steps": 3, "adam_epsilon": 1e-4}
        ends.append(as_saved(model, trained(model, tmp_path, method, **settings).composed))
    assert farthest(*ends) < 1e-3 * farthest(ends[0], start)  # sums in another order


def test_vanilla_is_trainer_to_the_bit(tmp_path):
    model, other = bert(hidden_dropout_prob=0.1), bert(hidden_dropout_prob=0.1)
    settings = {"weight_decay": DECAY, "logging_strategy": "steps", "logging_steps": 1, "optim": "adamw_torch"}
    transformers.Trainer(other, arguments(tmp_path, **settings), train_dataset=rows()).train()
    RecallTrainer(model, arguments(tmp_path, **settings), train_dataset=rows(), method="vanilla").train()
    assert same(weights(model), weights(other))


class Normed(torch.nn.Module):
    """A loss that is a sum over all labels of the update, divided by their number: what Trainer calls scaled."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = torch.nn.Linear(6, 5), torch.nn.Linear(5, 2)

    def forward(self, input_ids, labels=None, num_items_in_batch=None, **kwargs):
        logits = self.head(torch.tanh(self.body(input_ids / 30)))
        if labels is None:
            return {"logits": logits}
        total = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        return {"loss": total / (len(labels) if num_items_in_batch is None else num_items_in_batch), "logits": logits}


def own_loss(outputs, labels, num_items_in_batch=None):
    return torch.nn.functional.cross_entropy(outputs["logits"], labels, reduction="sum") / num_items_in_batch


@pytest.mark.parametrize("way", ["the model divides", "Trainer divides", "compute_loss_func"])
@pytest.mark.parametrize("accumulation", [1, 3])
def test_a_penalty_counts_once_an_update(tmp_path, way, accumulation):
    """Against the gradient in float64: of the mean loss over all rows of the update, and of the penalty, once."""
    model = Normed()
    anchors = {name: p.detach() - 0.2 for name, p in model.body.named_parameters("body")}
    gradients = []

    class Look(transformers.TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
            gradients.append({name: p.grad.clone() for name, p in model.named_parameters()})

    exact = copy.deepcopy(model).double()
    trainer = RecallTrainer(
        model,
        arguments(tmp_path, batch=2, accumulation=accumulation, max_steps=1, max_grad_norm=0),
        train_dataset=rows(),
        method="l2sp(gamma=7, beta=3)",
        anchors=anchors,
        callbacks=[Look()],
        compute_loss_func=own_loss if way == "compute_loss_func" else None,
    )
    trainer.model_accepts_loss_kwargs = way == "the model divides"
    trainer.train()

    part = batched(rows()[: 2 * accumulation])
    loss = exact(part["input_ids"].double(), part["labels"])["loss"]
    held = sum((p - anchors[name].double()).square().sum() for name, p in exact.named_parameters() if name in anchors)
    head = sum(p.square().sum() for p in exact.head.parameters())
    (loss + 7 / 2 * held + 3 / 2 * head).backward()
    for name, p in exact.named_parameters():
        torch.testing.assert_close(gradients[0][name].double(), p.grad, rtol=1e-5, atol=1e-6)


class OwnLoss(RecallTrainer):
    """As many scripts have it: a loss of their own, without a word to the class above."""

    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        outputs = model(**inputs)
        return (2 * outputs.loss, outputs) if return_outputs else 2 * outputs.loss


def test_a_subclass_with_its_own_loss_has_the_penalty_beside_it(tmp_path):
    ends = []
    for kind in (RecallTrainer, OwnLoss):
        model = bert()
        given = {"train_dataset": rows(), "method": "l2sp(gamma=1000, beta=0)", "new": NEW}
        trainer = kind(model, arguments(tmp_path, max_grad_norm=0, logging_strategy="steps", logging_steps=1), **given)
        trainer.model_accepts_loss_kwargs = False
        trainer.train()
        ends.append([log for log in trainer.state.log_history if "loss" in log])
    assert ends[1][0]["loss"] == pytest.approx(2 * ends[0][0]["loss"], rel=1e-6)
    assert ends[1][-1]["penalty"] > 0
    assert ends[1][-1]["distance"] < 0.1


def test_the_training_logs_have_the_numbers_of_their_step(tmp_path):
    model = bert()
    anchors = {name: value for name, value in weights(model).items() if not name.startswith("classifier")}
    watch = Witness(anchors)
    logging = {"logging_strategy": "steps", "logging_steps": 2}
    trainer = trained(model, tmp_path, "recadam(k=1, t0=3, gamma=300)", callbacks=[watch], **logging)
    logs = [log for log in trainer.state.log_history if "loss" in log]
    assert [log["step"] for log in logs] == [2, 4, 6]
    for log in logs:
        lam = 1 / (1 + 2.718281828459045 ** -(log["step"] - 3))
        assert log["lambda"] == pytest.approx(lam, rel=1e-12)
        assert log["pull"] == pytest.approx((1 - lam) * log["learning_rate"] * 300, rel=1e-12)
        assert log["distance"] == pytest.approx(watch.distances[log["step"]], rel=1e-12)
    assert len([log for log in watch.seen if "distance" in log]) == 3  # whoever reports sees them too
    assert not any("lambda" in log for log in trainer.state.log_history if "loss" not in log)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_penalty_in_a_log_is_the_mean_over_its_updates_and_the_loss_is_the_tasks(tmp_path, accumulation):
    right = []

    class Penalty(transformers.TrainerCallback):
        def on_step_begin(self, args, state, control, model=None, **kwargs):
            left = [p.detach().double() - start[name] for name, p in model.bert.named_parameters()]
            right.append(7 / 2 * sum(d.square().sum().item() for d in left))

    model = bert()
    start = {name: p.detach().double() for name, p in copy.deepcopy(model).bert.named_parameters()}
    logging = {"logging_strategy": "steps", "logging_steps": 3, "accumulation": accumulation, "max_steps": 6}
    trainer = trained(model, tmp_path, "l2sp(gamma=7, beta=0)", callbacks=[Penalty()], **logging)
    logs = [log for log in trainer.state.log_history if "loss" in log]
    for log, part in zip(logs, (slice(0, 3), slice(3, 6)), strict=True):
        assert log["penalty"] == pytest.approx(sum(right[part]) / 3, rel=1e-4)
        assert log["loss"] < 0.8  # of two classes


def test_an_evaluation_is_trainers_own(tmp_path):
    model = bert()
    trainer = trained(model, tmp_path, "l2sp(gamma=1000)")
    plain = transformers.Trainer(model, arguments(tmp_path))
    assert trainer.evaluate(rows())["eval_loss"] == plain.evaluate(rows())["eval_loss"]
    assert (trainer.predict(rows()).predictions == plain.predict(rows()).predictions).all()


@pytest.mark.parametrize(
    "settings",
    [{"bf16": True}, {"label_smoothing_factor": 0.2}, {"gradient_checkpointing": True}, {"max_grad_norm": 0.0}],
    ids=str,
)
def test_with_the_other_arguments_of_a_trainer(tmp_path, settings):
    """gamma 0 adds nothing: then it is Trainer with these arguments; and with a gamma the weights stay nearer home."""
    ends = {}
    for gamma in (None, 0, 1000):
        model = bert()
        if gamma is None:
            trainer = transformers.Trainer(model, arguments(tmp_path, **settings), train_dataset=rows())
        else:
            method = f"l2sp(gamma={gamma}, beta=0)"
            trainer = RecallTrainer(
                model, arguments(tmp_path, **settings), train_dataset=rows(), method=method, new=NEW
            )
        trainer.train()
        ends[gamma] = weights(model)
    start = weights(bert())
    assert same(ends[0], ends[None])
    assert not same(ends[0], start)

    def away(end):
        return sum((end[name] - start[name]).square().sum() for name in end if name.startswith("bert"))

    assert away(ends[1000]) < 0.5 * away(ends[0])


METHODS_THAT_GO_ON = ["vanilla", *EVERY, "recadam(t0=3) + child-f", "ewc + child-d"]


def given_for(method, model):
    if method == "vanilla":
        return {}
    fisher = fisher_of(model)
    return {"new": NEW, "fisher": {"source": fisher, "task": fisher}}


@pytest.mark.parametrize("method", METHODS_THAT_GO_ON)
def test_a_run_that_goes_on_ends_to_the_bit_where_it_would_have(tmp_path, method):
    saving = {"save_strategy": "steps", "save_steps": 2}
    through = bert()
    given = given_for(method, through)
    trained(through, tmp_path / "one", method, given=given, **saving)
    # the second script gives nothing but the model as the checkpoint has it: no theta*, no Fisher
    checkpoint = tmp_path / "one" / "checkpoint-4"
    again = transformers.BertForSequenceClassification.from_pretrained(checkpoint)
    assert not same(weights(again), weights(bert()))
    trainer = trained(again, tmp_path / "two", method, str(checkpoint), given={}, **saving)
    assert same(weights(again), weights(through))
    if method != "vanilla":
        moving = {name for name, p in again.named_parameters() if p.requires_grad and name.startswith("bert")}
        drawing = (each for each in trainer.composed.methods if not each.freezes)
        moving -= {name for each in drawing for name in each.prepare(bert(), 3)}
        home = {name: p for name, p in weights(bert()).items() if name in moving}
        assert same(trainer.composed._acting[0].start.anchors, home)
        first, last = (tmp_path / f"{place}/{kept.START}" for place in ("one/checkpoint-2", "two/checkpoint-6"))
        assert first.samefile(last)  # one copy of the start on the disk, however many checkpoints
    # and the script that gives all again
    third = bert()
    trained(third, tmp_path / "three", method, str(checkpoint), given=given)
    assert same(weights(third), weights(through))


def test_a_setting_that_was_set_acts_on_in_a_run_that_goes_on(tmp_path):
    class Turn(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 2:
                self.trainer.composed.set(gamma=900)

    def run(model, folder, turn, resume=None):
        callbacks = [Turn()] if turn else []
        trainer = RecallTrainer(
            model,
            arguments(folder, save_strategy="steps", save_steps=3),
            train_dataset=rows(),
            method="l2sp(gamma=0)",
            new=NEW,
            callbacks=callbacks,
        )
        for each in callbacks:
            each.trainer = trainer
        trainer.train(resume)
        return trainer

    through, again, never = bert(), bert(), bert()
    run(through, tmp_path / "one", True)
    trainer = run(again, tmp_path / "two", False, str(tmp_path / "one" / "checkpoint-3"))
    run(never, tmp_path / "three", False)
    assert same(weights(again), weights(through))
    assert not same(weights(never), weights(through))
    assert trainer.composed.methods[0].gamma == 900


def test_a_checkpoint_of_another_start_is_refused(tmp_path):
    model = bert()
    fisher = fisher_of(model)
    other = {name: tensor + 1 for name, tensor in fisher.items()}
    trained(model, tmp_path, "ewc", given={"new": NEW, "fisher": fisher}, save_strategy="steps", save_steps=3)
    checkpoint = str(tmp_path / "checkpoint-3")

    def going_on(method="ewc", **given):
        return lambda: trained(bert(), tmp_path / "two", method, checkpoint, given=given)

    refused(going_on(fisher=other), ValueError, "fisher is another than", "was begun with")
    anchors = {name: p + 1 for name, p in weights(bert()).items() if "bert." in name}
    refused(going_on(anchors=anchors), ValueError, "was begun with other anchors; give those, or none: it holds them")
    refused(going_on("ewc(gamma=3)"), ValueError, "is of method ewc(gamma=1000), not of ewc(gamma=3)")
    refused(going_on("vanilla"), ValueError, "is of method ewc(gamma=1000); go on with that one")
    (tmp_path / "checkpoint-3" / kept.START).write_bytes(b"nothing")
    refused(going_on(), ValueError, "checkpoint-3 is damaged", "go on from another")
    (tmp_path / "checkpoint-3" / kept.REST).unlink()
    refused(going_on(), ValueError, "holds no recall.json")


def test_what_does_not_go_with_a_method_is_refused(tmp_path):
    model = bert()
    adam = torch.optim.AdamW(model.parameters())

    def made(method="recadam", args=None, **given):
        return lambda: RecallTrainer(model, args or arguments(tmp_path), method=method, new=NEW, **given)

    refused(made(optimizers=(adam, None)), ValueError, "makes the optimizer, and optimizers is given; leave it out")
    schedule = torch.optim.lr_scheduler.ConstantLR(adam)
    refused(made(optimizers=(None, schedule)), ValueError, "lr_scheduler_type")
    other = (torch.optim.SGD, {"lr": 1.0})
    refused(made(optimizer_cls_and_kwargs=other), ValueError, "optimizer_cls_and_kwargs is given; leave it out")
    refused(made(args=arguments(tmp_path, optim="adafactor")), ValueError, "optim is 'adafactor'", "'vanilla'")
    refused(made("nope"), ValueError, "method 'nope' is unknown")
    made("vanilla", optimizers=(adam, None))()
    lacking = RecallTrainer(model, arguments(tmp_path), train_dataset=rows(), method="ewc", new=NEW)
    refused(lacking.train, ValueError, "ewc needs the Fisher information of the source")
    untold = RecallTrainer(model, arguments(tmp_path), train_dataset=rows(), method="recadam")
    refused(untold.train, ValueError, "it cannot be told which weights of BertForSequenceClassification")


def test_model_init_starts_anew_each_time(tmp_path):
    seen = []

    def fisher(kind):
        seen.append(weights(trainer.model))
        return fisher_of(trainer.model)

    trainer = RecallTrainer(
        args=arguments(tmp_path),
        model_init=lambda: bert(),
        train_dataset=rows(),
        method="child-d",
        new=NEW,
        fisher=fisher,
    )
    ends = []
    for _ in range(2):
        trainer.train()
        ends.append(weights(trainer.model))
    assert same(*ends)
    assert same(*seen)
    assert same(seen[0], weights(bert()))
    hand = bert()
    composed = compose("child-d", hand, lr=LR, new=NEW, fisher=fisher_of(hand))
    layers = composed._acting[0].mask.masks
    stay = {name: ~mask for name, mask in layers.items()}
    assert all(torch.equal(ends[0][name][mask], seen[0][name][mask]) for name, mask in stay.items())


def test_betas_eps_and_decay_are_the_arguments(tmp_path):
    settings = {"adam_beta1": 0.8, "adam_beta2": 0.9, "adam_epsilon": 1e-4, "weight_decay": 0.3}
    for method, own in (("recadam", "RecAdam"), ("child-f", "AdamW")):
        model = bert()
        trainer = RecallTrainer(model, arguments(tmp_path, **settings), train_dataset=rows(), method=method, new=NEW)
        optimizer = trainer.create_optimizer()
        assert type(optimizer).__name__ == own
        names = {p: name for name, p in trainable(model).items()}
        decays = {names[p]: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
        assert decays.keys() == trainable(model).keys()
        plain = transformers.Trainer(bert(), arguments(tmp_path))
        matrices = set(plain.get_decay_parameter_names(plain.model))
        assert {name for name, decay in decays.items() if decay == 0.3} == matrices
        assert all(group["betas"] == (0.8, 0.9) and group["eps"] == 1e-4 for group in optimizer.param_groups)
