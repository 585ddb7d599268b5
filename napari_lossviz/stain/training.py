"""One step of training: discriminator first, then generator and patch sampler together."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from napari_lossviz.core import LossvizError
from napari_lossviz.engine.precision import fast_dtype
from napari_lossviz.stain.adaptive import adaptive_patch_nce, equal_share
from napari_lossviz.stain.adversarial import discriminator_loss, generator_loss
from napari_lossviz.stain.config import StainConfig
from napari_lossviz.stain.contrastive import patch_nce
from napari_lossviz.stain.crops import Batch
from napari_lossviz.stain.discriminator import PatchDiscriminator
from napari_lossviz.stain.generator import ResnetGenerator
from napari_lossviz.stain.patch_sampler import PatchSampler, draw_positions
from napari_lossviz.stain.pyramid import pyramid_l1


class Trainer:
    """Networks, optimisers and the losses between them.

    Parameters
    ----------
    generator, sampler
        Where the training starts.
    config : StainConfig
    device : torch.device

    Attributes
    ----------
    whole : bool
        Whether the weights are those after a step: not when an interrupt came while they changed.
    """

    def __init__(
        self,
        generator: ResnetGenerator,
        sampler: PatchSampler,
        config: StainConfig,
        device: torch.device,
    ) -> None:
        self.generator = generator.to(device).train()
        self.sampler = sampler.to(device).train()
        self.discriminator = PatchDiscriminator(
            config.discriminator_channels, config.discriminator_layers, config.seed + 1
        ).to(device)
        self._config = config
        self._device = device
        self._amp = config.amp and device.type == "cuda" and fast_dtype(device) == torch.bfloat16
        self.whole = True
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr=0.0, betas=(config.beta1, config.beta2))
            for name, network in self.networks.items()
        }

    @property
    def networks(self) -> dict[str, nn.Module]:
        """By the names in a training state."""
        return {
            "generator": self.generator,
            "sampler": self.sampler,
            "discriminator": self.discriminator,
        }

    def step(
        self, batches: Sequence[Batch], epoch: int, number: int, poll: Callable[[], None]
    ) -> dict[str, float]:
        """Change the weights once, by the mean gradient over some batches.

        Parameters
        ----------
        batches : sequence of Batch
        epoch : int
            Counted from 1.
        number : int
            Of the step, from 0; decides which patches are drawn.
        poll : callable
            Called several times; if it raises, all is as it was before the step.

        Returns
        -------
        dict of str to float
            Every loss term.

        Raises
        ------
        LossvizError
            If a loss or a gradient is not finite; all is as it was before the step then too.
        """
        self._set_rate(epoch)
        before = self._undo_point()
        try:
            losses = self._discriminator_step(batches, number, poll)
            losses |= self._generator_step(batches, epoch, number, poll)
        except BaseException:
            self._undo(before)
            raise
        return losses

    def _refuse_infinite(self, losses: Mapping[str, float], number: int, *names: str) -> None:
        """Refuse to change networks by losses or gradients that are not finite."""
        wrong = [name for name, value in losses.items() if not math.isfinite(value)]
        for name in names:
            gradients = [p.grad for p in self.networks[name].parameters() if p.grad is not None]
            if gradients and not torch.stack([g.isfinite().all() for g in gradients]).all():
                wrong.append(f"gradient of the {name}")
        if wrong:
            raise LossvizError(
                f"training diverged at step {number + 1}: {', '.join(wrong)} not finite; try a "
                f"lower learning rate than {self._config.learning_rate:g}"
            )

    def learning_rate(self, epoch: int) -> float:
        """Return the rate of an epoch (from 1): constant, then evenly down to zero."""
        config = self._config
        beyond = max(epoch - config.epochs, 0)
        return config.learning_rate * (1 - beyond / (config.decay_epochs + 1))

    def _set_rate(self, epoch: int) -> None:
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate(epoch)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._amp)

    def _discriminator_step(
        self, batches: Sequence[Batch], number: int, poll: Callable[[], None]
    ) -> dict[str, float]:
        self.discriminator.requires_grad_(True)
        optimizer = self.optimizers["discriminator"]
        optimizer.zero_grad()
        total = 0.0
        for batch in batches:
            with self._autocast():
                with torch.no_grad():
                    translated = self.generator(batch.source.to(self._device))
                poll()
                real = self.discriminator(batch.target.to(self._device))
                loss = discriminator_loss(real, self.discriminator(translated))
            poll()
            (loss / len(batches)).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach()) / len(batches)
        losses = {"discriminator": total}
        self._refuse_infinite(losses, number, "discriminator")
        if self._config.adversarial_weight:
            optimizer.step()
        return losses

    def _generator_step(
        self, batches: Sequence[Batch], epoch: int, number: int, poll: Callable[[], None]
    ) -> dict[str, float]:
        self.discriminator.requires_grad_(False)
        for name in ("generator", "sampler"):
            self.optimizers[name].zero_grad()
        totals: dict[str, float] = {}
        random = torch.Generator().manual_seed(self._config.seed * 1_000_003 + number)
        for batch in batches:
            with self._autocast():
                terms = self._terms(batch, epoch, random, poll)
            loss = terms["total"] / len(batches)
            poll()
            loss.backward()  # type: ignore[no-untyped-call]
            for name, value in terms.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach()) / len(batches)
        self._refuse_infinite(totals, number, "generator", "sampler")
        poll()
        self.whole = False
        for name in ("generator", "sampler"):
            self.optimizers[name].step()
        self.whole = True
        return totals

    def _terms(
        self, batch: Batch, epoch: int, random: torch.Generator, poll: Callable[[], None]
    ) -> dict[str, Tensor]:
        """Return every loss term of the generator, unweighted, and their weighted total."""
        config = self._config
        source, target = batch.source.to(self._device), batch.target.to(self._device)
        count = len(source)
        both = config.identity and config.contrastive_weight > 0
        outputs = self.generator(torch.cat([source, target]) if both else source)
        poll()
        translated = outputs[:count]
        terms = {
            "adversarial": generator_loss(self.discriminator(translated)),
            "pyramid": pyramid_l1(translated, target, config.level_weights),
        }
        if config.contrastive_weight or config.supervised_weight:
            queries, keys = self._patches(outputs, torch.cat([source, target]), random, poll)
            terms |= self._patch_terms(queries, keys, count, epoch)
        half = 0.5 if "identity" in terms else 1.0
        weights = {
            "adversarial": config.adversarial_weight,
            "pyramid": config.pyramid_weight,
            "contrastive": half * config.contrastive_weight,
            "identity": half * config.contrastive_weight,
            "supervised": config.supervised_weight,
        }
        weighted = [weights[name] * value for name, value in terms.items()]
        return {**terms, "total": torch.stack(weighted).sum()}

    def _patch_terms(
        self, queries: dict[int, Tensor], keys: dict[int, Tensor], count: int, epoch: int
    ) -> dict[str, Tensor]:
        """Return the contrastive losses.

        Parameters
        ----------
        queries : dict of int to (count or 2 count, N, features)
            Of the translated sources and, for the identity term, of the translated targets.
        keys : dict of int to (2 count, N, features)
            Of the sources and of the targets.
        count : int
        epoch : int
            Counted from 1.
        """
        config = self._config
        t = config.temperature
        terms = {}
        if config.contrastive_weight:
            terms["contrastive"] = _mean(
                patch_nce(queries[layer][:count], keys[layer][:count], t) for layer in queries
            )
            if config.identity:
                terms["identity"] = _mean(
                    patch_nce(queries[layer][count:], keys[layer][count:], t) for layer in queries
                )
        if config.supervised_weight:
            share = equal_share(config.schedule, epoch, config.total_epochs, config.decay_epochs)
            terms["supervised"] = _mean(
                adaptive_patch_nce(
                    queries[layer][:count],
                    keys[layer][count:],
                    temperature=t,
                    weighting=config.weighting,
                    share=share,
                )
                for layer in queries
            )
        return terms

    def _patches(
        self, outputs: Tensor, inputs: Tensor, random: torch.Generator, poll: Callable[[], None]
    ) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        """Return unit vectors of patches at the same places of outputs and inputs, by layer."""
        layers = self._config.layer_numbers
        of_outputs = self.generator.features(outputs, layers)
        poll()
        with torch.no_grad():
            of_inputs = self.generator.features(inputs, layers)
        poll()
        queries, keys = {}, {}
        for layer in layers:
            height, width = of_outputs[layer].shape[-2:]
            positions = draw_positions(height, width, self._config.patches, random)
            positions = positions.to(self._device)
            queries[layer] = self.sampler(of_outputs[layer], layer, positions)
            with torch.no_grad():
                keys[layer] = self.sampler(of_inputs[layer], layer, positions)
        return queries, keys

    def _undo_point(self) -> dict[str, Any]:
        """Copy what a step changes before its end: the discriminator, and singular vectors."""
        optimizer = self.optimizers["discriminator"]
        return {
            "discriminator": _copied(self.discriminator.state_dict()),
            "moments": {
                parameter: {key: value.clone() for key, value in state.items()}
                for parameter, state in optimizer.state.items()
            },
            "vectors": {name: value.clone() for name, value in self.generator.named_buffers()},
        }

    def _undo(self, before: Mapping[str, Any]) -> None:
        self.discriminator.load_state_dict(before["discriminator"])
        optimizer = self.optimizers["discriminator"]
        optimizer.state.clear()
        optimizer.state.update(before["moments"])
        buffers = dict(self.generator.named_buffers())
        for name, value in before["vectors"].items():
            buffers[name].copy_(value)


def _mean(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack([loss.mean() for loss in losses]).mean()


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in state.items()}
