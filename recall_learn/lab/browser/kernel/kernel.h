/* A BERT that is fine-tuned in a page: what the module exports, and what its files share.
 *
 * The module imports nothing: exp, log, tanh, erf and all random numbers are its own, so that every engine gives the
 * same bits. One instance is one model. Sizes and offsets come from layout.h, which layout.py writes from config.json
 * and the named parameters.
 *
 * A batch
 *   rows examples lie one behind the other, without padding. tokens[] and types[] hold their tokens, starts[row] where
 *   a row begins and starts[rows] where the last one ends, targets[row] its class, number or hidden word, and places[row]
 *   the token, counted in the batch, that is asked: the first one of a row for the classifier, [MASK] for a cloze.
 *   Limits: MOST_TOKENS in a batch, MOST_ROWS rows, MOST_LENGTH tokens a row. The kernel trusts what lies there;
 *   model.js looks at it first, and refuses in words.
 *
 * Weights
 *   theta[] holds all, in the order of the classifier's named parameters and behind them, at MLM, those of the head that
 *   says words, which never train. The first ANCHORED have a theta*, in home[]; pooler and classifier come after them.
 *   With 1 output (regression) the classifier is shorter, and what is between it and MLM rests.
 *
 * A step, in this order (numbers of a step are doubles, as in Python)
 *   loss = train(rows)                       mean loss of the batch, and its gradient
 *   penalty = l2sp(gamma, beta) | ewc(gamma) added to the gradient; what it is
 *   norm = clip(most)                        the norm before; most 0 leaves the gradient alone
 *   child_f(p, weight_decay > 0) | child_d_before()
 *   adamw(...) | recadam_paper(...) | recadam_released(...) | recadam_coupled(...)
 *   child_d_after()
 */
#ifndef RECALL_LEARN_KERNEL
#define RECALL_LEARN_KERNEL

#include "layout.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

enum {
  MOST_LENGTH = POSITIONS,
  MOST_TOKENS = 32 * MOST_LENGTH, /* 32 rows of any length; or more of shorter ones */
  MOST_ROWS = 128,
  MOST_EXAMPLES = 1 << 16, /* that an order can be drawn of */
};

/* Where things lie, and how many: each function of a name gives the address of the array of that name.
 *
 *   float theta[WEIGHTS], home[TRAINED], gradient[TRAINED], first_moment[TRAINED], second_moment[TRAINED]
 *   float fisher[TRAINED]     Fisher information: the source's, written by the caller; or the task's, by squares()
 *   int child[TRAINED]        Child-Tuning-D: -1 where a weight trains, 0 where it stays
 *   int tokens[MOST_TOKENS], types[MOST_TOKENS], starts[MOST_ROWS + 1], places[MOST_ROWS]
 *   float targets[MOST_ROWS]
 *   float logits[2 * MOST_ROWS]   of classify() and train(): outputs numbers a row
 *   float losses[MOST_ROWS]       of cloze(): -log p(hidden word), nats
 *   int said[MOST_ROWS]           of cloze(): the likeliest word
 *   int permutation[MOST_EXAMPLES]
 *
 * Numbers: weights() anchored() trained() mlm() vocabulary() most_tokens() most_rows() most_length() most_examples()
 * trained() is with the outputs of begin().
 *
 * A run
 *   begin(outputs)        1 or 2; moments and gradient are 0, every weight trains
 *   draw(seed)            theta but for the word head, as torch draws the model from the seed
 *   double train(rows), classify(rows), cloze(rows)
 *   squares(rows)         adds to fisher, for the layers, the squares that the exact Fisher of the task is the mean of
 *   double distance(from, to)     |theta - theta*| over theta[from:to]
 *
 * Methods
 *   double sigmoid(k, t0, t)      lambda(t)
 *   double l2sp(gamma, beta), ewc(gamma), clip(most)
 *   child_f_begin(seed), child_f(p, decayed), int child_d_begin(p), child_d_before(), child_d_after()
 *   adamw(t, lr, weight_decay)
 *   recadam_paper(t, lr, weight_decay, lambda, gamma), recadam_released(...), recadam_coupled(...)
 *
 * Order of examples
 *   order_begin(seed)     numpy's default_rng([seed, 1])
 *   permute(rows)         its next permutation of range(rows), in permutation[]
 */

#endif
