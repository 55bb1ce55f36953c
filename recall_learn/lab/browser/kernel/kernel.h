/* A BERT that is fine-tuned in a page: what the module exports, and what its files share.
 *
 * The module imports nothing: exp, log, tanh, Phi and all random numbers are its own, so that every engine gives the
 * same bits. One instance is one model. Sizes and offsets come from layout.h, which layout.py writes from config.json
 * and the named parameters.
 *
 * A batch
 *   `rows` examples lie one behind the other, without padding. tokens[] and types[] hold their tokens, starts[row] says
 *   where a row begins and starts[rows] where the last one ends. targets[row] is its class, its number or its hidden
 *   word, and places[row] the token that is asked, counted in the batch: the first one of a row for the classifier,
 *   [MASK] for a cloze. At most MOST_TOKENS tokens, MOST_ROWS rows and MOST_LENGTH tokens a row. The kernel trusts what
 *   lies there; model.js looks at it first, and refuses in words.
 *
 * Weights
 *   theta[] holds all: the classifier's named parameters in their order, and from MLM on those of the head that says
 *   words, which never train. The first ANCHORED have a theta*, in home[]; pooler and classifier come after them. With
 *   1 output (regression) the classifier is shorter, and what lies between it and MLM rests.
 *
 * A step, in this order (numbers of a step are doubles, as in Python)
 *   loss = train(rows)                        the mean loss of the batch, and its gradient
 *   penalty = l2sp(gamma, beta) | ewc(gamma)  its gradient is added; what it is
 *   norm = clip(most)                         the norm before; most = 0 leaves the gradient as it is
 *   child_f(p, decayed) | child_d_before()    decayed: whether weight_decay is above 0, which orders the parameters
 *   adamw(...) | recadam_paper(...) | recadam_released(...) | recadam_coupled(...)
 *   child_d_after()
 */
#ifndef RECALL_LEARN_KERNEL
#define RECALL_LEARN_KERNEL

#include "layout.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

enum {
  MOST_LENGTH = POSITIONS,
  MOST_TOKENS = 32 * MOST_LENGTH, /* 32 rows of any length, or more of shorter ones */
  MOST_ROWS = 128,
  MOST_EXAMPLES = 1 << 16, /* that an order can be drawn of */
  TRAINED = MLM,           /* weights that train, at most */
};

/* memory.c: the arrays of the interface. For each one a function of its name gives its address. */
extern float theta[WEIGHTS], home[TRAINED], gradient[TRAINED], first_moment[TRAINED], second_moment[TRAINED];
extern float fisher[TRAINED];                 /* the source's, which the caller writes; or the task's, by squares() */
extern int child[TRAINED];                    /* Child-Tuning-D: -1 where a weight trains, 0 where it stays */
extern int tokens[MOST_TOKENS], types[MOST_TOKENS], starts[MOST_ROWS + 1], places[MOST_ROWS];
extern float targets[MOST_ROWS];
extern float logits[2 * MOST_ROWS];           /* of train() and classify(): `outputs` numbers a row */
extern float losses[MOST_ROWS];               /* of cloze(): -log p(the hidden word), nats */
extern int said[MOST_ROWS];                   /* of cloze(): the likeliest word */
extern int permutation[MOST_EXAMPLES];
extern int outputs;                           /* of the classifier: 2, or 1 for a regression */

/* Numbers: weights() anchored() mlm() vocabulary() most_tokens() most_rows() most_length() most_examples(), and
 * trained(), how many weights train with the outputs of begin(). */
int trained(void);
void begin(int outputs);      /* 1 or 2; all moments are 0 */
void draw(double seed);       /* theta, but for the head that says words, as torch draws the model from the seed */

/* The n-th of the TENSORS that train with the outputs of begin(). */
static inline Tensor tensor(int n) { return TRAIN[outputs - 1][n]; }

/* bert.c */
double train(int rows);
void classify(int rows);
void cloze(int rows);
void squares(int rows);       /* adds to fisher, for the layers, what the task's empirical Fisher is the mean of */

/* methods.c */
double distance(int from, int to); /* |theta - theta*| over theta[from:to] */
double sigmoid(double k, double t0, double t);
double l2sp(double gamma, double beta);
double ewc(double gamma);
double clip(double most);
void child_f_begin(double seed);
void child_f(double p, int decayed);
int child_d_begin(double p); /* chooses the child by fisher; how many weights it has */
void child_d_before(void);
void child_d_after(void);
void adamw(double t, double lr, double weight_decay);
void recadam_paper(double t, double lr, double weight_decay, double lambda, double gamma);
void recadam_released(double t, double lr, double weight_decay, double lambda, double gamma);
void recadam_coupled(double t, double lr, double weight_decay, double lambda, double gamma);

/* random.c */
void order_begin(double seed); /* numpy's default_rng([seed, 1]) */
void permute(int rows);        /* its next permutation(rows), into permutation[] */

/* mathematics.c: of double numbers, for what a step or an example has one of */
double exp64(double x);
double log64(double x);
double tanh64(double x);
double cosine(double turns); /* cos(2 pi turns), turns in [0, 1) */
double sine(double turns);

#endif
