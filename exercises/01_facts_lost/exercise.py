"""What it no longer knows.

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
    raise NotImplementedError("not written yet")
