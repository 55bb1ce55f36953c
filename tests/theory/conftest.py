"""What several of these files share: dense matrices, made once."""

import pytest
import torch
from classifier import Classifier, anchors_of, data, dense_fisher, flat, mean_loss


@pytest.fixture(scope="module")
def dense():
    """A classifier with everything about it: gradient, Hessian, Fisher, as dense numbers."""
    model = Classifier().eval()
    batches, anchors = data(), anchors_of(model)
    loss, theta = mean_loss(model, batches, anchors), flat(anchors).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(theta), theta)
    matrix = torch.autograd.functional.hessian(loss, theta.detach())
    fisher = dense_fisher(model, batches)
    return {"at": (model, batches, anchors), "loss": loss, "theta": theta.detach(), "gradient": gradient} | {
        "hessian": matrix,
        "fisher": fisher,
    }
