"""What people get wrong in ways_apart, and other right answers."""

import numpy as np
import torch

AGAIN = "max(each) - min(each) < gap"
HIGH, LOW = "each[np.argmax(own)]", "each[np.argmin(own)]"
PIECES = "np.split(np.array(pool), np.cumsum([len(each) for each in scores.values()])[:-1])"
NAMES = '"highest": names[np.argmax(own)], "lowest": names[np.argmin(own)]'
MEAN = "piece.mean()"
EXCHANGED = "exchanged = [means([pool[i] for i in order]) for order in orders]"
EVEN = """n = len(pool) // len(names)
    dealt = [[pool[i] for i in order] for order in orders]
    exchanged = [[np.mean(each[k * n : (k + 1) * n]) for k in range(len(names))] for each in dealt]"""
SINGLE = '"highest": max(scores, key=lambda n: max(scores[n])), "lowest": min(scores, key=lambda n: max(scores[n]))'

MUTANTS = [
    ("the same two names", {AGAIN: f"{HIGH} - {LOW} < gap"}, "They were chosen because they lay apart"),
    ("the same two names, either side", {AGAIN: f"abs({HIGH} - {LOW}) < gap"}, "on either side. Each exchange"),
    ("first and last", {AGAIN: "abs(each[0] - each[-1]) < gap"}, "the first way with the last"),
    ("ties count", {AGAIN: "max(each) - min(each) <= gap"}, "same gap counts as nearer"),
    ("as far", {AGAIN: "max(each) - min(each) >= gap"}, "at least as far apart"),
    ("further", {AGAIN: "max(each) - min(each) > gap"}, "that lie further apart"),
    ("one more", {"/ len(orders)": "/ (len(orders) + 1)"}, "add 1 to the number"),
    ("a number", {" / len(orders)": ""}, "the number of exchanges that lie nearer"),
    (
        "sent",
        {"[pool[i] for i in order]": "[pool[order.index(i)] for i in range(len(order))]"},
        "at place i to place order[i]",
    ),
    ("even pieces", {EXCHANGED: EVEN}, "pieces of one length"),
    ("medians", {MEAN: "np.median(piece)"}, "you compare medians"),
    ("sums", {MEAN: "piece.sum()"}, "you compare sums"),
    ("the best", {MEAN: "piece.max()"}, "you compare the best runs"),
    (
        "names of single runs",
        {NAMES: SINGLE},
        "best and the worst single run",
    ),
    ("turned", {NAMES: '"lowest": names[np.argmax(own)], "highest": names[np.argmin(own)]'}, "are exchanged"),
    ("below", {'"gap": gap': '"gap": -gap'}, "lowest less highest"),
]


def in_torch(scores, orders):
    sizes = [len(each) for each in scores.values()]
    pool = torch.tensor([score for each in scores.values() for score in each], dtype=torch.float64)
    own = torch.stack([piece.mean() for piece in pool.split(sizes)])
    again = torch.stack([piece.mean(dim=1) for piece in pool[torch.tensor(orders)].split(sizes, dim=1)])
    gap = own.max() - own.min()
    names = list(scores)
    nearer = (again.amax(dim=0) - again.amin(dim=0) < gap).double().mean()
    return {"gap": gap, "nearer": nearer, "highest": names[int(own.argmax())], "lowest": names[int(own.argmin())]}


def by_hand(scores, orders):
    def gap_of(pool):
        at, means = 0, {}
        for name, each in scores.items():
            means[name] = sum(pool[at : at + len(each)]) / len(each)
            at += len(each)
        ranked = sorted(means, key=means.get)
        return ranked, means[ranked[-1]] - means[ranked[0]]

    pool = [score for each in scores.values() for score in each]
    ranked, gap = gap_of(pool)
    nearer = np.mean([gap_of([pool[i] for i in order])[1] < gap for order in orders])
    return {"highest": ranked[-1], "lowest": ranked[0], "gap": gap, "nearer": nearer}


OTHERS = [in_torch, by_hand]
