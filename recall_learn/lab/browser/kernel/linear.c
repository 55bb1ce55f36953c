/* y = x W^T + b and its backward: nine tenths of all the work.
 *
 * Three products of matrices, C = A B, where A is read along any stride and B lies in panels of 8 columns:
 *   y    = x   W^T    forward
 *   d_x  = d_y W      backward, to the input
 *   d_W  = d_y^T x    backward, to the weights; d_b is the sum of the rows of d_y
 */
#include "kernel.h"
#include "layers.h"
#include "vectors.h"

enum { PANEL = 8, TALL = 4, ROUND = (VOCABULARY + PANEL - 1) / PANEL * PANEL };
enum { WRITE, ADD, ADD_SQUARE };

/* The largest B: a batch's rows by the widest layer, or the words by the width of the model. */
static float panels[(MOST_TOKENS > ROUND ? MOST_TOKENS : ROUND) * WIDEST];

/* A[m][k] is a[m * row + k * column]; C has `width` numbers a row. */
typedef struct {
  float *c;
  const float *a, *bias;
  int row, column, depth, width, mode;
} Product;

/* `tall` rows by 8 columns of C, in registers from the first to the last k. */
static inline __attribute__((always_inline)) void tile(const Product *p, int tall, int m, int n) {
  vec left[TALL], right[TALL];
  vec bias_left = p->bias ? load(p->bias + n) : splat(0), bias_right = p->bias ? load(p->bias + n + 4) : splat(0);
  for (int i = 0; i < tall; i++) left[i] = bias_left, right[i] = bias_right;
  const float *a = p->a + m * p->row, *b = panels + n * p->depth;
  int row = p->row, column = p->column;
#pragma clang loop unroll_count(4)
  for (int k = 0; k < p->depth; k++, a += column, b += PANEL) {
    vec b_left = load(b), b_right = load(b + 4);
    for (int i = 0; i < tall; i++) {
      vec x = load_splat(a + i * row);
      left[i] = mad(x, b_left, left[i]);
      right[i] = mad(x, b_right, right[i]);
    }
  }
  for (int i = 0; i < tall; i++) {
    float *c = p->c + (m + i) * p->width + n;
    if (p->mode == ADD_SQUARE) left[i] = mul(left[i], left[i]), right[i] = mul(right[i], right[i]);
    if (p->mode != WRITE) left[i] = add(left[i], load(c)), right[i] = add(right[i], load(c + 4));
    store(c, left[i]);
    store(c + 4, right[i]);
  }
}

static void multiply(Product p, int rows) {
  for (int n = 0; n < p.width; n += PANEL) {
    int m = 0;
    for (; m + TALL <= rows; m += TALL) tile(&p, TALL, m, n);
    for (; m < rows; m++) tile(&p, 1, m, n);
  }
}

/* B[k][n] = w[n][k]; columns from `out` on are zero, up to a whole panel */
static void pack_transposed(const float *w, int out, int in) {
  for (int n = 0; n < out; n += PANEL)
    for (int j = 0; j < PANEL; j++) {
      const float *from = w + (n + j) * in;
      float *to = panels + n * in + j;
      int there = n + j < out;
      for (int k = 0; k < in; k++) to[k * PANEL] = there ? from[k] : 0;
    }
}

/* B[k][n] = x[k][n] */
static void pack(const float *x, int rows, int width) {
  for (int k = 0; k < rows; k++)
    for (int n = 0; n < width; n += PANEL) {
      float *to = panels + n * rows + k * PANEL;
      store(to, load(x + k * width + n));
      store(to + 4, load(x + k * width + n + 4));
    }
}

/* y = x W^T + b; b lies behind W */
void linear(float *y, const float *x, const float *w, int rows, int in, int out) {
  pack_transposed(w, out, in);
  multiply((Product){y, x, w + out * in, in, 1, in, out, WRITE}, rows);
}

/* The same with a bias elsewhere and any number of columns; y has ROUND of them. */
void scores(float *y, const float *x, const float *w, const float *bias, int rows, int in, int out) {
  pack_transposed(w, out, in);
  multiply((Product){y, x, 0, in, 1, in, ROUND, WRITE}, rows);
  for (int r = 0; r < rows; r++)
    for (int n = 0; n < out; n++) y[r * ROUND + n] += bias[n];
}

/* d_x = d_y W, written or added */
void linear_back(float *d_x, int added, const float *d_y, const float *w, int rows, int in, int out) {
  pack(w, out, in);
  multiply((Product){d_x, d_y, 0, out, 1, out, in, added ? ADD : WRITE}, rows);
}

/* d_W = d_y^T x and d_b = the sum of d_y, of each span */
void linear_sums(Sums sums, int at, const float *d_y, const float *x, int in, int out) {
  float *w = sums.into + at, *b = w + out * in;
  for (int i = 0; i < sums.count; i++) {
    int from = sums.spans[i], rows = sums.spans[i + 1] - from;
    pack(x + from * in, rows, in);
    multiply((Product){w, d_y + from * out, 0, 1, out, rows, in, sums.squared ? ADD_SQUARE : WRITE}, out);
    for (int n = 0; n < out; n += 4) {
      vec s = splat(0);
      for (int r = from; r < from + rows; r++) s = add(s, load(d_y + r * out + n));
      store(b + n, sums.squared ? mad(s, s, load(b + n)) : s);
    }
  }
}
