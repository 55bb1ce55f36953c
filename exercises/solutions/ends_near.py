# ---
# lesson: 9
# order: 3
# goal: Check from the published figure what the tuned grid keeps.
# minutes: 10
# difficulty: 1
# hints:
#   - Within 2 % of what? And can a run be too far away on either side?
#   - |
#     Plain fine-tuning's distance is `distances[float("inf")]`. A relative margin is a share of it, and `abs` takes
#     both sides together.
#   - |
#     Keep each `k` in `tuned` with `abs(distances[k] - plain) <= margin * plain`, and hand them to `sorted`.
# explanation: |
#   With the published figures, margin 0.02 and the tuned k, all five come back. So in the paper's own figure none of
#   the settings that its scores were chosen from ends nearer to the pretrained weights by more than 2 %. What keeps a
#   model near home is a k that was not tuned over: 0.01 ends 7 % nearer, 0.001 at little more than half the distance.
#
#   How firm is that? The figures are read by eye. At 11.35 for plain fine-tuning, k = 0.05 is 1.8 % below it. Read
#   11.40, and it is 2.2 %, and drops out of your list. The claim stands on "about 2 %", not on the second digit. Move
#   what was read by eye as far as the eye may be off, and see whether your sentence survives.
# ---
r"""Checked in its own figure.

RecAdam's paper shows for eleven values of k how far a run on CoLA is from the pretrained weights at the end. Some of
them (***published***, Chen et al., 2020, read by eye from the figure; k = ∞ is plain fine-tuning):

| k | 0.001 | 0.005 | 0.01 | 0.05 | 0.1 to 1, and ∞ |
| --- | --- | --- | --- | --- | --- |
| distance | 6.3 | 10.2 | 10.5 | 11.15 | 11.3 to 11.4 |

Its scores were tuned over the k of 0.05, 0.1, 0.2, 0.5 and 1. Which of these end about as far from home as plain
fine-tuning does?

Return the **sorted list** of those k in `tuned` whose distance differs from plain fine-tuning's by at most the share
`margin` of plain fine-tuning's distance, to either side. Plain fine-tuning's distance is `distances[float("inf")]`. If
no k is near, the list is empty; infinity itself is near, if it is in `tuned`.
"""


def ends_near(distances, tuned, margin):
    """The tuned k that end near plain fine-tuning's distance, a sorted list.

    Args:
        distances: a dictionary, k -> distance to the pretrained weights at the end, also for k = ``float("inf")``.
        tuned: a list of the k that were tuned over, all of them keys of ``distances``; infinity may be one.
        margin: a share of plain fine-tuning's distance, 0.02 for 2 %.
    """
    # solution
    plain = distances[float("inf")]
    return sorted(k for k in tuned if abs(distances[k] - plain) <= margin * plain)
    # end
