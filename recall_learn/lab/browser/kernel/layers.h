/* The operations that a BERT is made of, each with its backward.
 *
 * Arrays are matrices, row after row: x[T][In] is T tokens of In numbers. d_y is the gradient of the loss by y.
 */
#ifndef RECALL_LEARN_LAYERS
#define RECALL_LEARN_LAYERS

enum { HEAD = WIDTH / HEADS, WIDEST = INNER > WIDTH ? INNER : WIDTH };

/* Where the gradients of weights go. Rows spans[i] to spans[i + 1] count together, for each i below `count`: all rows
 * of a batch in one span, whose gradient is written to `into`; or a span for each example, whose squares are added.
 * `into` is an array like theta. */
typedef struct {
  float *into;
  const int *spans;
  int count, squared;
} Sums;

/* linear.c */
void linear(float *y, const float *x, const float *w, int rows, int in, int out);
void linear_back(float *d_x, int added, const float *d_y, const float *w, int rows, int in, int out);
void linear_sums(Sums sums, int at, const float *d_y, const float *x, int in, int out);
void scores(float *y, const float *x, const float *w, const float *bias, int rows, int in, int out);

/* norm.c */
void norm(float *y, float *normal, float *scale, const float *x, const float *w, int rows);
void norm_back(float *d_x, const float *d_y, const float *normal, const float *scale, const float *w, int rows);
void norm_sums(Sums sums, int at, const float *d_y, const float *normal);
void gelu(float *y, const float *x, int count);
void gelu_back(float *d_x, const float *x, int count);
void add_to(float *x, const float *y, int count);

/* attention.c */
typedef struct {
  float q[MOST_TOKENS * WIDTH], k[MOST_TOKENS * WIDTH], v[MOST_TOKENS * WIDTH];
  float p[MOST_TOKENS * HEADS * MOST_LENGTH];
} Attention;

void attention(float *y, Attention *a, int rows);
void attention_back(Attention *d, const float *d_y, const Attention *a, int rows);

typedef struct {
  float p[MOST_ROWS * HEADS * MOST_LENGTH], u[MOST_ROWS * HEADS * WIDTH], m[MOST_ROWS * HEADS * WIDTH];
} Question;

void ask(float *y, Question *a, const float *q, const float *x, const float *w, int rows);
void ask_back(float *d_q, float *d_x, Sums sums, int layer, const float *d_y, const Question *a, const float *q,
              const float *x, int rows);

#endif
