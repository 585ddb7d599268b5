"""The pixel losses there are: torch-free, so that the window can list them.

A further loss is a file in this room and an entry here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PixelLoss:
    """A loss of probabilities against a mask.

    Attributes
    ----------
    name : str
        In code and recipes.
    title : str
        As people write it.
    function : str
        "module:function" within this room; takes prediction and target (B, 1, ...).
    pulls : str
        One sentence: what it pulls at.
    source : str
        Where it was published.
    short : str
        The title where there is little room; empty: the same.
    """

    name: str
    title: str
    function: str
    pulls: str
    source: str
    short: str = ""


CATALOGUE: dict[str, PixelLoss] = {
    loss.name: loss
    for loss in (
        PixelLoss(
            "dice",
            "Dice",
            "dice:dice_loss",
            "Pulls every pixel of a class by about the same: the foreground up, the rest down, the "
            "more the smaller the foreground.",
            "Milletari et al., arXiv:1606.04797",
        ),
        PixelLoss(
            "cldice",
            "clDice",
            "cldice:cldice_loss",
            "Pulls at middle lines of thin structures, where they are missing or lie outside.",
            "Shit et al., arXiv:2003.07311",
        ),
        PixelLoss(
            "cross_entropy",
            "cross-entropy",
            "cross_entropy:cross_entropy_loss",
            "Pulls every pixel by itself, the most where it is surest and wrong.",
            "Good, J. R. Stat. Soc. B 14 (1952)",
        ),
        PixelLoss(
            "any_accuracy",
            "AnyLoss accuracy",
            "anyloss:any_accuracy_loss",
            "Pulls only at pixels near one half, where a little changes their class.",
            "Han et al., arXiv:2405.14745",
            "AnyLoss acc.",
        ),
        PixelLoss(
            "any_f1",
            "AnyLoss F1",
            "anyloss:any_f_beta_loss",
            "Pulls at undecided pixels, the foreground's more the rarer it is.",
            "Han et al., arXiv:2405.14745",
        ),
        PixelLoss(
            "any_balanced",
            "AnyLoss balanced accuracy",
            "anyloss:any_balanced_accuracy_loss",
            "Pulls at undecided pixels, those of either class by the inverse of its size.",
            "Han et al., arXiv:2405.14745",
            "AnyLoss bal.",
        ),
        PixelLoss(
            "ldr_kl",
            "LDR-KL",
            "label_robust:ldr_kl_loss",
            "Pulls as cross-entropy does, and still at pixels that are right by less than a "
            "margin.",
            "Zhu et al., arXiv:2112.14869",
        ),
        PixelLoss(
            "ens",
            "EnsLoss",
            "ensloss:ens_loss",
            "Pulls the logit of every pixel to its class by a random amount, never by more where "
            "the class leads by more: one draw of many. Seen by probability, sure pixels are "
            "pulled the most.",
            "Dai, arXiv:2409.00908",
        ),
    )
}
