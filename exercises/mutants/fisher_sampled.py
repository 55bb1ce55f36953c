"""What people get wrong in fisher_sampled, and other right answers."""

import torch

DRAWN = "torch.multinomial(p, draws, replacement=True, generator=generator)"
SHARED = "torch.searchsorted(p.cumsum(1), 0.9999 * torch.rand(1, draws, generator=generator).to(p).expand(len(x), -1))"

MUTANTS = [
    ("takes argmax labels", {DRAWN: "p.argmax(1)[:, None].expand(-1, draws)"}, "favourites (argmax)"),
    ("draws evenly", {"multinomial(p,": "multinomial(torch.ones_like(p),"}, "come equally often"),
    (
        "draws for the whole batch",
        {DRAWN: "torch.multinomial(p.mean(0), draws, True, generator=generator).expand(len(x), -1)"},
        "one and the same table",
    ),
    (
        "averages the draws first",
        {"(gradients**2).mean((0, 1))": "(gradients.mean(1) ** 2).mean(0)"},
        "mean over the draws",
    ),
    (
        "divides by N twice",
        {"(gradients**2).mean((0, 1))": "(gradients**2).mean((0, 1)) / len(x)"},
        "or divide by N twice",
    ),
    ("forgets the generator", {"generator=generator": "generator=None"}, "your labels come from torch's global"),
    (
        "spreads the labels evenly",
        {
            DRAWN: "torch.searchsorted(p.cumsum(1), ((torch.rand(len(x), 1, generator=generator).to(p)"
            " + torch.arange(draws) / draws) % 1 * 0.9999).contiguous())"
        },
        "spread evenly",
    ),
    ("draws with a copy", {"generator=generator": "generator=generator.clone_state()"}, "not with a copy"),
    (
        "seeds the global generator",
        {DRAWN: f"torch.manual_seed(int(torch.randint(9**9, (), generator=generator))) and {DRAWN}"},
        "global generator, or draws",
    ),
    ("draws half as often", {"p, draws, rep": "p, (draws + 1) // 2, rep"}, "that no"),
    ("takes 100 examples", {"labels = ": "x, p = x[:100], p[:100]\n    labels = "}, "in equal shares"),
    ("shares the draws", {DRAWN: SHARED}, "equal examples always get"),
]


def by_running_sums(weights, x, draws, generator):
    p = torch.softmax(x @ weights.T, 1)
    u = torch.rand(len(x), draws, generator=generator, dtype=p.dtype)
    labels = torch.searchsorted(p.cumsum(1), u, right=True).clamp(max=len(weights) - 1)
    counts = torch.zeros_like(p).scatter_add_(1, labels, torch.ones_like(u))  # how often each label came
    squares = ((torch.eye(len(weights), dtype=p.dtype) - p[:, None]) ** 2 * counts[:, :, None]).sum(1)
    return squares.T @ x**2 / (len(x) * draws)


def one_draw_at_a_time(weights, x, draws, generator):
    p = torch.softmax(x @ weights.T, 1)
    total = torch.zeros_like(weights)
    for _ in range(draws):
        error = -p.clone()
        labels = torch.multinomial(p, 1, generator=generator)
        error.scatter_add_(1, labels, torch.ones_like(p[:, :1]))
        total += (error**2).T @ x**2
    return total / (draws * len(x))


def by_gumbels(weights, x, draws, generator):
    z = x @ weights.T
    noise = torch.rand(draws, *z.shape, generator=generator, dtype=z.dtype).clamp(1e-12, 1 - 1e-7)
    labels = (z - (-noise.log()).log()).argmax(2)
    error = torch.eye(len(weights), dtype=z.dtype)[labels] - torch.softmax(z, 1)
    return torch.einsum("mnc,nd->cd", error**2, x**2) / labels.numel()


OTHERS = [by_running_sums, one_draw_at_a_time, by_gumbels]
