# ---
# lesson: 1
# order: 2
# goal: Count what was forgotten, and not the balance of lost and gained.
# minutes: 5
# difficulty: 1
# hints:
#   - You can only lose what you had. Which facts may be counted at all, and what are they a share of?
#   - |
#     For each fact there are two yes-or-no questions: was the answer right before, and is it right after? Lost is
#     one of the four combinations.
#   - |
#     Collect the pairs `(before[i], after[i], answers[i])` with `before[i] == answers[i]`. Of these, count the ones
#     with `after[i] != answers[i]`, and divide by how many you collected. What if you collected none?
# explanation: |
#   Two models with the same share of known facts can know different ones. The difference of the two shares, before
#   minus after, sets each fact that was gained by luck against one that was lost, and so it says "nothing happened"
#   when a lot did. The share that is lost looks at each fact that was there.
#
#   The denominator matters too. A small model may know a tenth of the facts. If it loses all of these, then divided by
#   all facts that is 0.1, and it sounds mild. Before you compare two such numbers, ask what they are a share of.
#
#   With nothing known the share is 0 / 0. A convention has to be chosen, and said. Here it is 0.0: whoever knew
#   nothing has forgotten nothing.
# ---
r"""What it no longer knows.

Before fine-tuning a model was asked for some facts, "Fenrik lives in [MASK]", and after fine-tuning again. You have its
answers from both times, and the right ones. All three are lists of words, and entry $i$ of each is about fact $i$.

How much of its knowledge did the model lose? Return the **share of the facts known before that are no longer known**: a
number from 0 to 1. A fact is known if the word is the right one, spelled the same, capital letters too: "Askem",
"askem" and "Askemby" are three words. One word can be the answer to several facts. If not one was known before, return
0.0.

Mind that a fine-tuning can also teach a fact, by accident. Such a fact makes up for none that was lost.
"""


def facts_lost(before, after, answers):
    """The share of the facts known before that are no longer known, from 0 to 1.

    Args:
        before: what the model said before fine-tuning, a list of words.
        after: what it says now.
        answers: the right words.
    """
    # solution
    known = [right == first for first, right in zip(before, answers, strict=True)]
    lost = [knew and right != now for knew, now, right in zip(known, after, answers, strict=True)]
    return sum(lost) / sum(known) if any(known) else 0.0
    # end
