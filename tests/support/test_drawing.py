"""What is drawn again, or from a seed, and then as if nothing had been drawn: by the process, and in dice."""

from contextlib import nullcontext

import pytest
import torch

from recall_learn.support.random_state import Dice, drawing, states

CPU = torch.device("cpu")


@pytest.mark.parametrize("place", [nullcontext, lambda: Dice(5)], ids=["process", "dice"])
def test_it_draws_again_or_from_a_seed_and_goes_on(place):
    torch.manual_seed(3)
    with place():
        before = states(CPU)
        one, two = torch.rand(3), torch.rand(3)
        now = states(CPU)
        with drawing(before, CPU):
            assert torch.equal(torch.rand(3), one)
        with drawing(7, CPU):
            seeded = torch.rand(3)
        with pytest.raises(RuntimeError), drawing(7, CPU):
            torch.rand(-3)
        following = torch.rand(3)
        with drawing(now, CPU):
            assert torch.equal(torch.rand(3), following)
    assert torch.equal(seeded, torch.rand(3, generator=torch.Generator().manual_seed(7)))
    assert not torch.equal(one, two)


def test_in_dice_the_process_s_generator_is_neither_read_nor_moved():
    torch.manual_seed(3)
    state = torch.get_rng_state()
    with Dice(5), drawing(7, CPU):
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), state)
    with Dice(5), Dice(6):
        inner = states(CPU)["cpu"]
    assert torch.equal(inner, Dice(6).state_dict()["cpu"])
    assert torch.equal(states(CPU)["cpu"], state)
